/* hex.h - hexadecimal text: data, JSON-RPC quantities, addresses.
 *
 * Source of the formats: Ethereum JSON-RPC "hex value encoding" (DATA and QUANTITY), EIP-55. */
#ifndef ABI_HEX_H
#define ABI_HEX_H

#include "abi/u256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEX_ADDRESS_SIZE = 43 }; /* "0x", 40 digits, the end */

/* Decodes `text_n` characters, an optional "0x" and then an even number of digits of either case,
 * into at most `cap` bytes. False on anything else; *out_n is then not set, `out` may be partly
 * written. */
bool hex_decode(const char *text, size_t text_n, uint8_t *out, size_t cap, size_t *out_n);
/* The same for a zero-terminated text that must give exactly `n` bytes. */
bool hex_decode_exact(const char *text, uint8_t *out, size_t n);

/* Lower case. `out` has room for 2n+1 characters, with "0x" for 2n+3. */
void hex_encode(const uint8_t *p, size_t n, char *out);
void hex_encode_0x(const uint8_t *p, size_t n, char *out);

/* JSON-RPC QUANTITY: "0x0", or "0x" and digits without a leading zero. Refuses "", "0x", "0x01",
 * a value above 64 (256) bits and anything else. */
bool hex_quantity_u64(const char *text, uint64_t *out);
bool hex_quantity_u256(const char *text, struct u256 *out);

/* EIP-55: the case of each letter carries a checksum. */
void hex_checksum_address(const uint8_t address[20], char out[HEX_ADDRESS_SIZE]);
/* Reads "0x" and 40 digits: all lower case, all upper case, or mixed with the right EIP-55
 * checksum. A mixed text with a wrong checksum is a typing mistake and is refused. */
bool hex_parse_address(const char *text, uint8_t address[20]);

#endif
