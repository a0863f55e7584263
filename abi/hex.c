#include "abi/hex.h"

#include "abi/keccak.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

/* 0..15, or -1. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool has_0x(const char *text, size_t text_n)
{
    return text_n >= 2 && text[0] == '0' && text[1] == 'x';
}

bool hex_decode(const char *text, size_t text_n, uint8_t *out, size_t cap, size_t *out_n)
{
    if (has_0x(text, text_n)) {
        text += 2;
        text_n -= 2;
    }
    if (text_n % 2 != 0 || text_n / 2 > cap)
        return false;
    for (size_t i = 0; i < text_n / 2; i++) {
        int high = digit_value(text[2 * i]), low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *out_n = text_n / 2;
    return true;
}

bool hex_decode_exact(const char *text, uint8_t *out, size_t n)
{
    /* strnlen keeps a missing end of text from being searched further than a good one reaches. */
    size_t got, text_n = strnlen(text, 2 * n + 3);
    return hex_decode(text, text_n, out, n, &got) && got == n;
}

void hex_encode(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = 0;
}

void hex_encode_0x(const uint8_t *p, size_t n, char *out)
{
    out[0] = '0';
    out[1] = 'x';
    hex_encode(p, n, out + 2);
}

bool hex_quantity_u256(const char *text, struct u256 *out)
{
    size_t n = strnlen(text, 2 + 64 + 1);
    if (!has_0x(text, n) || n == 2 || n > 2 + 64 || (text[2] == '0' && n > 3))
        return false;
    struct u256 value = {{0}};
    for (size_t i = 0; i < n - 2; i++) {
        int digit = digit_value(text[n - 1 - i]);
        if (digit < 0)
            return false;
        value.be[31 - i / 2] |= (uint8_t)(i % 2 == 0 ? digit : digit << 4);
    }
    *out = value;
    return true;
}

bool hex_quantity_u64(const char *text, uint64_t *out)
{
    struct u256 value;
    return hex_quantity_u256(text, &value) && u256_to_u64(&value, out);
}

void hex_checksum_address(const uint8_t address[20], char out[HEX_ADDRESS_SIZE])
{
    hex_encode_0x(address, 20, out);
    uint8_t hash[32];
    keccak256(out + 2, 40, hash);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;
        if (nibble >= 8 && out[2 + i] >= 'a')
            out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
    }
}

bool hex_parse_address(const char *text, uint8_t address[20])
{
    uint8_t bytes[20];
    if (strnlen(text, HEX_ADDRESS_SIZE) != HEX_ADDRESS_SIZE - 1 || !has_0x(text, 2) ||
        !hex_decode_exact(text, bytes, sizeof bytes))
        return false;
    bool lower = false, upper = false;
    for (const char *c = text + 2; *c; c++) {
        lower = lower || (*c >= 'a' && *c <= 'f');
        upper = upper || (*c >= 'A' && *c <= 'F');
    }
    char checksummed[HEX_ADDRESS_SIZE];
    hex_checksum_address(bytes, checksummed);
    if (lower && upper && strcmp(text + 2, checksummed + 2) != 0)
        return false;
    memcpy(address, bytes, sizeof bytes);
    return true;
}
