/* notify TEXT...: says each to the socket that NOTIFY_SOCKET names, as sd_notify(3) does. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *address = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t size = address ? strlen(address) : 0;
    if (size < 2 || size > sizeof name.sun_path) return 2;
    memcpy(name.sun_path, address, size);
    if (address[0] == '@') name.sun_path[0] = 0;
    socklen_t used = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (int i = 1; i < argc; i++)
        if (sendto(fd, argv[i], strlen(argv[i]), 0, (const struct sockaddr *)&name, used) < 0)
            return 1;
    (void)close(fd);
    return 0;
}
