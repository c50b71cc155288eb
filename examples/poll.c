/* A runtime inside a plain poll loop: it has no thread of its own. The loop waits for the program's
 * own descriptors and for the runtime's, and steps the runtime whenever that one is readable: for
 * mail, from whatever thread, and for timers. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>
#include <unistd.h>

struct word {
    const char *text;
    bool echo; /* it has come back from a timer */
};
static const troupe_type word_type =
    TROUPE_TYPE(word, TROUPE_FIELD(word, text), TROUPE_FIELD(word, echo));

/* Says each word, and again 20 ms later. Its state counts the echoes that it waits for. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    int *echoes = state;
    const struct word *word = troupe_as(*msg, &word_type);
    if (!word) return TROUPE_BADTYPE;
    printf("%s %s\n", word->echo ? "echo " : "heard", word->text);
    if (word->echo) {
        if (--*echoes == 0) troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    }
    ++*echoes;
    troupe_msg *later = NULL;
    troupe_err err =
        troupe_make(troupe_runtime(self), &word_type, &(struct word){word->text, true}, &later);
    if (!err) err = troupe_send_after(self, 20, troupe_me(self), &later, NULL);
    troupe_drop(&later);
    return err;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    printf("ended %s\n", troupe_strerror(why));
}

static const troupe_behaviour echo = {
    .name = "echo", .state_size = sizeof(int), .receive = receive, .stop = stop};

/* Reads a word from the pipe and posts it to the actor. False: no more will come. */
static bool pass_on(troupe *rt, int from, troupe_ref to) {
    char text[16] = "";
    if (read(from, text, 4) <= 0) return false; /* each word of this program has 4 bytes */
    troupe_msg *msg = NULL;
    if (!troupe_make(rt, &word_type, &(struct word){text, false}, &msg))
        if (troupe_post(rt, to, &msg)) troupe_drop(&msg);
    return true;
}

int main(void) {
    const troupe_config config = {.workers = TROUPE_STEPPED};
    troupe *rt = NULL;
    troupe_ref who;
    int fd, words[2];
    if (pipe(words) || write(words[1], "timewind", 8) != 8) return 1;
    close(words[1]);
    if (troupe_open(&config, &rt) || troupe_spawn(rt, &echo, NULL, &who) || troupe_fd(rt, &fd))
        return 1;

    struct pollfd wanted[] = {{fd, POLLIN, 0}, {words[0], POLLIN, 0}};
    while (troupe_mailbox(rt, who, NULL, NULL) != TROUPE_GONE && poll(wanted, 2, -1) > 0) {
        if (wanted[0].revents) (void)troupe_step(rt, 100);
        if (wanted[1].revents && !pass_on(rt, words[0], who)) wanted[1].fd = -1;
    }
    close(words[0]);
    troupe_close(&rt);
    return 0;
}
