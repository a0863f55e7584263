/* Written by abi/bindings.mjs from abi/json/TestMXNB.json. Do not edit. */
#ifndef ABI_MXNB_ABI_H
#define ABI_MXNB_ABI_H

#define MXNB_FUNCTION_TRANSFER 0xa9059cbbu
#define MXNB_FUNCTION_APPROVE 0x095ea7b3u
#define MXNB_FUNCTION_BALANCE_OF 0x70a08231u
#define MXNB_FUNCTION_ALLOWANCE 0xdd62ed3eu
#define MXNB_FUNCTION_DECIMALS 0x313ce567u
#define MXNB_FUNCTION_PAUSED 0x5c975abbu
#define MXNB_FUNCTION_IS_BLACKLISTED 0xfe575a87u

/* X(NAME, selector, name, signature, signature with names) */
#define MXNB_FUNCTIONS(X) \
    X(TRANSFER, 0xa9059cbbu, \
      "transfer", \
      "transfer(address,uint256)", \
      "transfer(address to,uint256 value) returns (bool)") \
    X(APPROVE, 0x095ea7b3u, \
      "approve", \
      "approve(address,uint256)", \
      "approve(address spender,uint256 value) returns (bool)") \
    X(BALANCE_OF, 0x70a08231u, \
      "balanceOf", \
      "balanceOf(address)", \
      "balanceOf(address account) returns (uint256)") \
    X(ALLOWANCE, 0xdd62ed3eu, \
      "allowance", \
      "allowance(address,address)", \
      "allowance(address owner,address spender) returns (uint256)") \
    X(DECIMALS, 0x313ce567u, \
      "decimals", \
      "decimals()", \
      "decimals() returns (uint8)") \
    X(PAUSED, 0x5c975abbu, \
      "paused", \
      "paused()", \
      "paused() returns (bool)") \
    X(IS_BLACKLISTED, 0xfe575a87u, \
      "isBlacklisted", \
      "isBlacklisted(address)", \
      "isBlacklisted(address account) returns (bool)")

#define MXNB_TOPIC_TRANSFER \
    {0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, \
     0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b, 0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16, \
     0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef}

/* X(NAME, name, signature, signature with names) */
#define MXNB_EVENTS(X) \
    X(TRANSFER, \
      "Transfer", \
      "Transfer(address,address,uint256)", \
      "Transfer(address indexed from,address indexed to,uint256 value)")

#endif
