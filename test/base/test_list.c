#include "base/list.h"

#include <criterion/criterion.h>

TestSuite(list, .timeout = 10);

enum { MANY = 100 };

Test(list, fifo_of_zeros_is_empty) {
    tr_fifo fifo = {NULL, NULL};
    cr_assert_null(tr_fifo_get(&fifo));
    cr_assert_null(tr_fifo_get(&fifo));
}

Test(list, fifo_gives_in_the_order_of_putting) {
    tr_fifo fifo = {NULL, NULL};
    static tr_link link[MANY];
    for (int i = 0; i < MANY; i++) tr_fifo_put(&fifo, &link[i]);
    for (int i = 0; i < MANY; i++) cr_assert_eq(tr_fifo_get(&fifo), &link[i]);
    cr_assert_null(tr_fifo_get(&fifo));
}

Test(list, fifo_works_on_after_it_ran_empty) {
    tr_fifo fifo = {NULL, NULL};
    tr_link a = {&a}, b = {&a}; /* what was in `next` does not matter */
    for (int i = 0; i < 3; i++) {
        tr_fifo_put(&fifo, &a);
        cr_assert_eq(tr_fifo_get(&fifo), &a);
        cr_assert_null(tr_fifo_get(&fifo));
        tr_fifo_put(&fifo, &b);
        tr_fifo_put(&fifo, &a);
        cr_assert_eq(tr_fifo_get(&fifo), &b);
        tr_fifo_put(&fifo, &b); /* while one is still in */
        cr_assert_eq(tr_fifo_get(&fifo), &a);
        cr_assert_eq(tr_fifo_get(&fifo), &b);
        cr_assert_null(tr_fifo_get(&fifo));
    }
}

Test(list, fifo_gives_what_was_put_first_before_all_others) {
    tr_fifo fifo = {NULL, NULL};
    tr_link a = {&a}, b = {&a}, c = {&a};
    tr_fifo_put_first(&fifo, &b);
    tr_fifo_put_first(&fifo, &a);
    tr_fifo_put(&fifo, &c);
    cr_assert_eq(tr_fifo_get(&fifo), &a);
    cr_assert_eq(tr_fifo_get(&fifo), &b);
    cr_assert_eq(tr_fifo_get(&fifo), &c);
    cr_assert_null(tr_fifo_get(&fifo));
    tr_fifo_put_first(&fifo, &a);
    cr_assert_eq(tr_fifo_get(&fifo), &a);
    tr_fifo_put(&fifo, &b);
    cr_assert_eq(tr_fifo_get(&fifo), &b);
}

Test(list, heads_and_free_members_are_empty) {
    tr_list head, member;
    tr_list_init(&head);
    tr_list_init(&member);
    cr_assert(tr_list_empty(&head) && tr_list_empty(&member));
    tr_list_add(&head, &member);
    cr_assert(!tr_list_empty(&head) && !tr_list_empty(&member));
    tr_list_remove(&member);
    cr_assert(tr_list_empty(&head) && tr_list_empty(&member));
    tr_list_remove(&member); /* of no list: does nothing */
    cr_assert(tr_list_empty(&head) && tr_list_empty(&member));
}

/* Whether the list holds exactly these members, forwards and backwards. */
static bool holds(const tr_list *head, tr_list *const *member, size_t count) {
    const tr_list *at = head;
    for (size_t i = 0; i < count; i++) {
        at = at->next;
        if (at != member[i]) return false;
    }
    if (at->next != head) return false;
    for (size_t i = count; i > 0; i--) {
        if (at != member[i - 1]) return false;
        at = at->prev;
    }
    return at == head;
}

Test(list, members_leave_from_front_middle_and_end) {
    for (size_t gone = 0; gone < 4; gone++) {
        tr_list head, member[4], *left[3];
        size_t n = 0;
        tr_list_init(&head);
        for (size_t i = 0; i < 4; i++) {
            tr_list_init(&member[i]);
            tr_list_add(&head, &member[i]);
            if (i != gone) left[n++] = &member[i];
        }
        tr_list_remove(&member[gone]);
        cr_assert(holds(&head, left, 3));
        tr_list_add(&head, &member[gone]);
        cr_assert_eq(head.prev, &member[gone]);
        for (size_t i = 0; i < 4; i++) tr_list_remove(&member[i]);
        cr_assert(tr_list_empty(&head));
    }
}

Test(list, a_member_moves_from_list_to_list) {
    tr_list one, other, a, b, *const both[] = {&b, &a};
    tr_list_init(&one);
    tr_list_init(&other);
    tr_list_init(&a);
    tr_list_init(&b);
    tr_list_add(&one, &a);
    tr_list_add(&other, &b);
    tr_list_remove(&a);
    tr_list_add(&other, &a);
    cr_assert(tr_list_empty(&one));
    cr_assert(holds(&other, both, 2));
}
