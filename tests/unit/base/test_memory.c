/* Arenas and memory that cannot fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "relayer/base/arena.h"
#include "relayer/base/mem.h"
#include "tests/unit/base/child.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = arena_alloc(arena, n);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    arena_free(arena);
}

static void arena_reset_zeroes_again(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    memset(arena_alloc(arena, 3000), 0xff, 3000);
    memset(arena_alloc(arena, 9000), 0xff, 9000);
    assert_true(arena_used(arena) >= 12000);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    const unsigned char *p = arena_alloc(arena, 4000);
    for (size_t i = 0; i < 4000; i++)
        assert_int_equal(p[i], 0);
    arena_free(arena);
}

static void arena_blocks_do_not_overlap(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    char *texts[200];
    for (int i = 0; i < 200; i++)
        texts[i] = arena_printf(arena, "number %d of %s", i, "many");
    for (int i = 0; i < 200; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "number %d of many", i);
        assert_string_equal(texts[i], expected);
    }
    arena_free(arena);
}

static void arena_copies(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    assert_null(arena_text(arena, NULL));
    assert_string_equal(arena_text(arena, "escrow"), "escrow");
    assert_string_equal(arena_text_n(arena, "escrow", 3), "esc");
    assert_memory_equal(arena_copy(arena, "\0\1\2", 3), "\0\1\2", 3);
    arena_free(arena);
    arena_free(NULL);
}

static void arena_take_too_much(void)
{
    struct arena *arena = arena_new(1000);
    (void)arena_alloc(arena, 900);
    (void)arena_alloc(arena, 200);
}

static void arena_take_huge(void)
{
    (void)arena_alloc(arena_new(1000), SIZE_MAX - 4);
}

static void arena_maximum_is_a_check(void **state)
{
    (void)state;
    assert_true(WIFSIGNALED(child_run(arena_take_too_much, NULL, 0)));
    assert_true(WIFSIGNALED(child_run(arena_take_huge, NULL, 0)));
}

static void mem_copies(void **state)
{
    (void)state;
    char *text = mem_text("custody");
    assert_string_equal(text, "custody");
    free(text);
    text = mem_text_n("custody", 4);
    assert_string_equal(text, "cust");
    text = mem_resize(text, 100);
    assert_string_equal(text, "cust");
    free(text);
    assert_null(mem_text(NULL));
    unsigned char *zeroed = mem_new_array(10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);
    free(zeroed);
    free(mem_copy("", 0));
}

static void mem_take_overflow(void)
{
    (void)mem_new_array(SIZE_MAX / 2, 3);
}

static void mem_overflow_is_a_check(void **state)
{
    (void)state;
    assert_true(WIFSIGNALED(child_run(mem_take_overflow, NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(arena_reset_zeroes_again),
        cmocka_unit_test(arena_blocks_do_not_overlap),
        cmocka_unit_test(arena_copies),
        cmocka_unit_test(arena_maximum_is_a_check),
        cmocka_unit_test(mem_copies),
        cmocka_unit_test(mem_overflow_is_a_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
