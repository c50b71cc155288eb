/* Models of mailbox/mailbox.c: order, conservation, one call, no lost wake-up, hand-over. */
#include "mailbox_world.h"

/* So few that a list may find it full when it tries again. */
static void setup3(void) {
    setup(3);
}
static void setup_big(void) {
    setup(16);
}
static void setup_parked(void) {
    setup(16);
    tr_mailbox_open(&box, 16, true);
    note_park();
}

THREAD(push_first) {
    (void)push(FIRST);
}
THREAD(push_first_twice) {
    (void)push(FIRST);
    (void)push(FIRST);
}
THREAD(push_second) {
    (void)push(SECOND);
}
THREAD(push_second_twice) {
    (void)push(SECOND);
    (void)push(SECOND);
}
THREAD(take_thrice) {
    for (int i = 0; i < 3; i++) (void)take();
}
THREAD(receive_one) {
    receive(1);
}
THREAD(receive_two) {
    receive(2);
}
THREAD(receive_three) {
    receive(3);
}
THREAD(receive_four) {
    receive(4);
}

/* --- Several at once -------------------------------------------------------------------------- */

/* Two of a sender, all or none; then one more. */
static void push_list(uint32_t sender) {
    item *older = fresh(sender), *newer = older + 1;
    newer->sender = sender;
    newer->number = older->number + 1;
    newer->link.next = &older->link;
    older->link.next = NULL;
    note_begin(sender);
    tr_push pushed = tr_mailbox_push_list(&box, &newer->link, &older->link, 2);
    if (pushed == TR_PUSH_FULL) { /* not final: one of them may fit, so it is a list still */
        ex_check(newer->link.next == &older->link && !older->link.next);
        return;
    }
    note_end(sender, TR_PUSH_OK);
    note_end(sender, pushed);
    if (pushed == TR_PUSH_WAKE) ring();
}
THREAD(push_list_first) {
    push_list(FIRST);
    (void)push(FIRST);
}
THREAD(push_list_alone) {
    push_list(FIRST);
}
THREAD(push_list_second) {
    push_list(SECOND);
}

/* --- The home pushes too ---------------------------------------------------------------------- */

THREAD(push_at_home_and_take) {
    (void)push_home(HOME);
    (void)push_home(HOME);
    (void)take();
    (void)take();
    (void)push_home(HOME);
}

/* A sender that runs here, then there: its two messages stay in order. */
THREAD(move_in_first) {
    (void)push(MOVER);
    tr_store32_release(&flag, 1);
}
THREAD(move_in_second) {
    (void)push_home(HOME);
    (void)take();
    while (!tr_load32_acquire(&flag)) tr_thread_yield();
    (void)push_home(MOVER);
    (void)take();
}
THREAD(move_out_first) {
    (void)push_home(MOVER);
    tr_store32_release(&flag, 1);
    (void)take();
    (void)push_home(HOME);
}
THREAD(move_out_second) {
    while (!tr_load32_acquire(&flag)) tr_thread_yield();
    (void)push(MOVER);
}

/* --- Kicks ------------------------------------------------------------------------------------ */

/* Asks for something that is not mail. */
THREAD(kick) {
    tr_store32_seq(&flag, 1);
    if (!tr_mailbox_kick(&box)) return;
    note_kick();
    ring();
}
/* Parks, then looks at what the kicks are for. */
THREAD(park_until_asked) {
    while (!tr_load32_seq(&flag)) {
        while (take()) {
        }
        if (!tr_mailbox_park(&box)) continue;
        note_park();
        if (tr_load32_seq(&flag) && tr_mailbox_kick(&box)) {
            note_kick();
            continue;
        }
        sleep_until_called();
    }
}

/* Who is told WAKE runs the receiver himself: what the last run did is his to see. */
static uint32_t state;
static void run_receiver(void) {
    for (;;) {
        state++;
        for (tr_link *link; (link = tr_mailbox_pop(&box));) {
            look_at(link);
            handled();
        }
        if (tr_mailbox_park(&box)) return;
    }
}
THREAD(push_and_run_first) {
    item *it = fresh(FIRST);
    note_begin(FIRST);
    tr_push pushed = tr_mailbox_push(&box, &it->link, true);
    note_end(FIRST, pushed);
    if (pushed == TR_PUSH_WAKE) run_receiver();
}
THREAD(push_and_run_second) {
    item *it = fresh(SECOND);
    note_begin(SECOND);
    tr_push pushed = tr_mailbox_push(&box, &it->link, true);
    note_end(SECOND, pushed);
    if (pushed == TR_PUSH_WAKE) run_receiver();
}
THREAD(kick_and_run) {
    if (tr_mailbox_kick(&box)) run_receiver();
}

static const ex_model models[] = {
    M("push", setup_big, 4, all_is_received, push_first_twice, push_second_twice, take_thrice),
    M("push_sleeper", setup_big, 3, all_is_received, push_first_twice, push_second_twice,
      receive_four),
    M("list", setup_big, 2, all_is_received, push_list_first, push_second_twice, take_thrice),
    M("list_two", setup_big, 2, all_is_received, push_list_first, push_list_second, receive_four),
    M("list_full", setup3, 3, all_is_received, push_list_alone, push_second_twice),
    M("list_home", setup_big, 3, all_is_received, push_list_first, push_at_home_and_take),
    M("home", setup_big, 4, all_is_received, push_first_twice, push_at_home_and_take),
    M("home_two", setup_big, 3, all_is_received, push_first, push_second, push_at_home_and_take),
    M("move_in", setup_big, 4, all_is_received, move_in_first, move_in_second),
    M("move_in_two", setup_big, 3, all_is_received, move_in_first, move_in_second, push_second),
    M("move_out", setup_big, 3, all_is_received, move_out_first, move_out_second, push_first),
    M("park", setup_big, 6, all_is_received, push_first, receive_one),
    M("park_two", setup_big, 4, all_is_received, push_first, push_second, receive_two),
    M("park_parked", setup_parked, 4, all_is_received, push_and_run_first, push_and_run_second),
    M("park_three", setup_parked, 4, all_is_received, push_and_run_first, push_and_run_second,
      kick_and_run),
    M("kick", setup_big, 6, all_is_received, kick, park_until_asked),
    M("kick_push", setup_big, 4, all_is_received, kick, push_first, park_until_asked),
    M("push_three", setup_big, 3, all_is_received, push_first, push_second_twice, receive_three),
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
