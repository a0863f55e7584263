/* Written by abi/bindings.mjs from abi/json/KustodiaEscrow.json. Do not edit. */
#ifndef ABI_ESCROW_ABI_H
#define ABI_ESCROW_ABI_H

#define ESCROW_FUNCTION_CREATE 0x2ee09da7u
#define ESCROW_FUNCTION_CREATE_MANY 0xc67ba452u
#define ESCROW_FUNCTION_RELEASE 0x67d42a8bu
#define ESCROW_FUNCTION_RELEASE_MANY 0x6d0358d7u
#define ESCROW_FUNCTION_DISPUTE 0xf28471ceu
#define ESCROW_FUNCTION_DISMISS 0x15b291eeu
#define ESCROW_FUNCTION_RESOLVE_REVERT 0x96c7113eu
#define ESCROW_FUNCTION_RESOLVE_SPLIT 0x2cf2a1d3u
#define ESCROW_FUNCTION_RELEASE_EARLY 0x5ee1b9ccu
#define ESCROW_FUNCTION_REFUND_EXPIRED 0xcc3e049bu
#define ESCROW_FUNCTION_HOLD 0x2e7fdc23u
#define ESCROW_FUNCTION_ESCROW 0xa7e75032u
#define ESCROW_FUNCTION_HELD 0xa285aed7u
#define ESCROW_FUNCTION_PAUSED 0x5c975abbu
#define ESCROW_FUNCTION_PAYOUT 0x63bd1d4au
#define ESCROW_FUNCTION_REFUND 0x590e1ae3u
#define ESCROW_FUNCTION_TOKEN 0xfc0c546au
#define ESCROW_FUNCTION_FUNDER 0x041ae880u
#define ESCROW_FUNCTION_DEFAULT_ADMIN 0x84ef8ffcu
#define ESCROW_FUNCTION_HAS_ROLE 0x91d14854u
#define ESCROW_FUNCTION_ID_OF 0x9e62a887u

/* X(NAME, selector, name, signature, signature with names) */
#define ESCROW_FUNCTIONS(X) \
    X(CREATE, 0x2ee09da7u, \
      "create", \
      "create((bytes32,uint88,uint40,bool,bytes32))", \
      "create((bytes32 id,uint88 amount,uint40 custodyEnd,bool lock,bytes32 terms) t)") \
    X(CREATE_MANY, 0xc67ba452u, \
      "createMany", \
      "createMany((bytes32,uint88,uint40,bool,bytes32)[])", \
      "createMany((bytes32 id,uint88 amount,uint40 custodyEnd,bool lock," \
          "bytes32 terms)[] ts)") \
    X(RELEASE, 0x67d42a8bu, \
      "release", \
      "release(bytes32)", \
      "release(bytes32 id)") \
    X(RELEASE_MANY, 0x6d0358d7u, \
      "releaseMany", \
      "releaseMany(bytes32[])", \
      "releaseMany(bytes32[] ids) returns (uint256 released)") \
    X(DISPUTE, 0xf28471ceu, \
      "dispute", \
      "dispute(bytes32,uint8,bytes32)", \
      "dispute(bytes32 id,uint8 party,bytes32 reason)") \
    X(DISMISS, 0x15b291eeu, \
      "dismiss", \
      "dismiss(bytes32,bytes32)", \
      "dismiss(bytes32 id,bytes32 note)") \
    X(RESOLVE_REVERT, 0x96c7113eu, \
      "resolveRevert", \
      "resolveRevert(bytes32,bytes32)", \
      "resolveRevert(bytes32 id,bytes32 note)") \
    X(RESOLVE_SPLIT, 0x2cf2a1d3u, \
      "resolveSplit", \
      "resolveSplit(bytes32,uint88,bytes32)", \
      "resolveSplit(bytes32 id,uint88 buyerAmount,bytes32 note)") \
    X(RELEASE_EARLY, 0x5ee1b9ccu, \
      "releaseEarly", \
      "releaseEarly(bytes32)", \
      "releaseEarly(bytes32 id)") \
    X(REFUND_EXPIRED, 0xcc3e049bu, \
      "refundExpired", \
      "refundExpired(bytes32)", \
      "refundExpired(bytes32 id)") \
    X(HOLD, 0x2e7fdc23u, \
      "hold", \
      "hold(bytes32,bytes32)", \
      "hold(bytes32 id,bytes32 reason)") \
    X(ESCROW, 0xa7e75032u, \
      "escrow", \
      "escrow(bytes32)", \
      "escrow(bytes32 id) returns ((uint88 amount,uint40 createdAt,uint40 custodyEnd," \
          "uint40 disputedAt,uint8 state,bool lock,uint8 party,uint8 round))") \
    X(HELD, 0xa285aed7u, \
      "held", \
      "held()", \
      "held() returns (uint256)") \
    X(PAUSED, 0x5c975abbu, \
      "paused", \
      "paused()", \
      "paused() returns (uint8 bits,uint256 until)") \
    X(PAYOUT, 0x63bd1d4au, \
      "payout", \
      "payout()", \
      "payout() returns (address)") \
    X(REFUND, 0x590e1ae3u, \
      "refund", \
      "refund()", \
      "refund() returns (address)") \
    X(TOKEN, 0xfc0c546au, \
      "token", \
      "token()", \
      "token() returns (address)") \
    X(FUNDER, 0x041ae880u, \
      "funder", \
      "funder()", \
      "funder() returns (address)") \
    X(DEFAULT_ADMIN, 0x84ef8ffcu, \
      "defaultAdmin", \
      "defaultAdmin()", \
      "defaultAdmin() returns (address)") \
    X(HAS_ROLE, 0x91d14854u, \
      "hasRole", \
      "hasRole(bytes32,address)", \
      "hasRole(bytes32 role,address account) returns (bool)") \
    X(ID_OF, 0x9e62a887u, \
      "idOf", \
      "idOf(bytes16,uint8)", \
      "idOf(bytes16 payment,uint8 leg) returns (bytes32)")

#define ESCROW_ERROR_ACCESS_CONTROL_BAD_CONFIRMATION 0x6697b232u
#define ESCROW_ERROR_ACCESS_CONTROL_ENFORCED_DEFAULT_ADMIN_DELAY 0x19ca5ebbu
#define ESCROW_ERROR_ACCESS_CONTROL_ENFORCED_DEFAULT_ADMIN_RULES 0x3fc3c27au
#define ESCROW_ERROR_ACCESS_CONTROL_INVALID_DEFAULT_ADMIN 0xc22c8022u
#define ESCROW_ERROR_ACCESS_CONTROL_UNAUTHORIZED_ACCOUNT 0xe2517d3fu
#define ESCROW_ERROR_ADMIN_REQUIRED 0x92d14c9eu
#define ESCROW_ERROR_AMOUNT_ZERO 0xc1c38ed3u
#define ESCROW_ERROR_BATCH_SIZE 0x31045bf5u
#define ESCROW_ERROR_CUSTODY_ENDED 0x3b1cb578u
#define ESCROW_ERROR_CUSTODY_RUNNING 0xc59f5164u
#define ESCROW_ERROR_END_OUT_OF_RANGE 0x6ec2a21cu
#define ESCROW_ERROR_ESCROW_EXISTS 0xd0a143cfu
#define ESCROW_ERROR_FUNDER_INVALID 0x81dffab8u
#define ESCROW_ERROR_ID_ZERO 0x26cf0b18u
#define ESCROW_ERROR_INFLOW_SHORT 0x09ce06c7u
#define ESCROW_ERROR_IS_A_LOCK 0xa57ece5du
#define ESCROW_ERROR_NOT_A_LOCK 0x9282ceb6u
#define ESCROW_ERROR_NOTHING_PAYABLE 0x594cc935u
#define ESCROW_ERROR_PARTY_INVALID 0xc3034dc4u
#define ESCROW_ERROR_PAUSE_BITS_INVALID 0x039ea475u
#define ESCROW_ERROR_PAUSED_UNTIL 0x57de0fc9u
#define ESCROW_ERROR_REENTRANCY_GUARD_REENTRANT_CALL 0x3ee5aeb5u
#define ESCROW_ERROR_RESCUE_ABOVE_SURPLUS 0xff5e1fd2u
#define ESCROW_ERROR_ROLE_CONFLICT 0x59ffbea0u
#define ESCROW_ERROR_SAFE_CAST_OVERFLOWED_UINT_DOWNCAST 0x6dfcc650u
#define ESCROW_ERROR_SAFE_ERC20_FAILED_OPERATION 0x5274afe7u
#define ESCROW_ERROR_SPLIT_OUT_OF_RANGE 0x05cfcfd7u
#define ESCROW_ERROR_TOKEN_INVALID 0xd4c6aa81u
#define ESCROW_ERROR_TOO_MANY_ROUNDS 0xe304d136u
#define ESCROW_ERROR_WALLET_INVALID 0xb63de057u
#define ESCROW_ERROR_WALLETS_NOT_PROPOSED 0xc1b109a8u
#define ESCROW_ERROR_WALLETS_TOO_EARLY 0x1105128au
#define ESCROW_ERROR_WALLETS_TOO_LATE 0x60b5d87bu
#define ESCROW_ERROR_WRONG_STATE 0x986f4620u

/* X(NAME, selector, name, signature, signature with names) */
#define ESCROW_ERRORS(X) \
    X(ACCESS_CONTROL_BAD_CONFIRMATION, 0x6697b232u, \
      "AccessControlBadConfirmation", \
      "AccessControlBadConfirmation()", \
      "AccessControlBadConfirmation()") \
    X(ACCESS_CONTROL_ENFORCED_DEFAULT_ADMIN_DELAY, 0x19ca5ebbu, \
      "AccessControlEnforcedDefaultAdminDelay", \
      "AccessControlEnforcedDefaultAdminDelay(uint48)", \
      "AccessControlEnforcedDefaultAdminDelay(uint48 schedule)") \
    X(ACCESS_CONTROL_ENFORCED_DEFAULT_ADMIN_RULES, 0x3fc3c27au, \
      "AccessControlEnforcedDefaultAdminRules", \
      "AccessControlEnforcedDefaultAdminRules()", \
      "AccessControlEnforcedDefaultAdminRules()") \
    X(ACCESS_CONTROL_INVALID_DEFAULT_ADMIN, 0xc22c8022u, \
      "AccessControlInvalidDefaultAdmin", \
      "AccessControlInvalidDefaultAdmin(address)", \
      "AccessControlInvalidDefaultAdmin(address defaultAdmin)") \
    X(ACCESS_CONTROL_UNAUTHORIZED_ACCOUNT, 0xe2517d3fu, \
      "AccessControlUnauthorizedAccount", \
      "AccessControlUnauthorizedAccount(address,bytes32)", \
      "AccessControlUnauthorizedAccount(address account,bytes32 neededRole)") \
    X(ADMIN_REQUIRED, 0x92d14c9eu, \
      "AdminRequired", \
      "AdminRequired()", \
      "AdminRequired()") \
    X(AMOUNT_ZERO, 0xc1c38ed3u, \
      "AmountZero", \
      "AmountZero(bytes32)", \
      "AmountZero(bytes32 id)") \
    X(BATCH_SIZE, 0x31045bf5u, \
      "BatchSize", \
      "BatchSize(uint256,uint256)", \
      "BatchSize(uint256 size,uint256 max)") \
    X(CUSTODY_ENDED, 0x3b1cb578u, \
      "CustodyEnded", \
      "CustodyEnded(bytes32,uint256,uint256)", \
      "CustodyEnded(bytes32 id,uint256 custodyEnd,uint256 time)") \
    X(CUSTODY_RUNNING, 0xc59f5164u, \
      "CustodyRunning", \
      "CustodyRunning(bytes32,uint256,uint256)", \
      "CustodyRunning(bytes32 id,uint256 custodyEnd,uint256 time)") \
    X(END_OUT_OF_RANGE, 0x6ec2a21cu, \
      "EndOutOfRange", \
      "EndOutOfRange(bytes32,uint256,uint256,uint256)", \
      "EndOutOfRange(bytes32 id,uint256 custodyEnd,uint256 earliest,uint256 latest)") \
    X(ESCROW_EXISTS, 0xd0a143cfu, \
      "EscrowExists", \
      "EscrowExists(bytes32,uint8)", \
      "EscrowExists(bytes32 id,uint8 state)") \
    X(FUNDER_INVALID, 0x81dffab8u, \
      "FunderInvalid", \
      "FunderInvalid(address)", \
      "FunderInvalid(address funder)") \
    X(ID_ZERO, 0x26cf0b18u, \
      "IdZero", \
      "IdZero()", \
      "IdZero()") \
    X(INFLOW_SHORT, 0x09ce06c7u, \
      "InflowShort", \
      "InflowShort(uint256,uint256)", \
      "InflowShort(uint256 balance,uint256 held)") \
    X(IS_A_LOCK, 0xa57ece5du, \
      "IsALock", \
      "IsALock(bytes32)", \
      "IsALock(bytes32 id)") \
    X(NOT_A_LOCK, 0x9282ceb6u, \
      "NotALock", \
      "NotALock(bytes32)", \
      "NotALock(bytes32 id)") \
    X(NOTHING_PAYABLE, 0x594cc935u, \
      "NothingPayable", \
      "NothingPayable(uint256)", \
      "NothingPayable(uint256 size)") \
    X(PARTY_INVALID, 0xc3034dc4u, \
      "PartyInvalid", \
      "PartyInvalid(bytes32,uint8)", \
      "PartyInvalid(bytes32 id,uint8 party)") \
    X(PAUSE_BITS_INVALID, 0x039ea475u, \
      "PauseBitsInvalid", \
      "PauseBitsInvalid(uint256)", \
      "PauseBitsInvalid(uint256 bits)") \
    X(PAUSED_UNTIL, 0x57de0fc9u, \
      "PausedUntil", \
      "PausedUntil(uint256,uint256)", \
      "PausedUntil(uint256 bits,uint256 until)") \
    X(REENTRANCY_GUARD_REENTRANT_CALL, 0x3ee5aeb5u, \
      "ReentrancyGuardReentrantCall", \
      "ReentrancyGuardReentrantCall()", \
      "ReentrancyGuardReentrantCall()") \
    X(RESCUE_ABOVE_SURPLUS, 0xff5e1fd2u, \
      "RescueAboveSurplus", \
      "RescueAboveSurplus(uint256,uint256)", \
      "RescueAboveSurplus(uint256 surplus,uint256 amount)") \
    X(ROLE_CONFLICT, 0x59ffbea0u, \
      "RoleConflict", \
      "RoleConflict(address,bytes32,bytes32)", \
      "RoleConflict(address account,bytes32 role,bytes32 held)") \
    X(SAFE_CAST_OVERFLOWED_UINT_DOWNCAST, 0x6dfcc650u, \
      "SafeCastOverflowedUintDowncast", \
      "SafeCastOverflowedUintDowncast(uint8,uint256)", \
      "SafeCastOverflowedUintDowncast(uint8 bits,uint256 value)") \
    X(SAFE_ERC20_FAILED_OPERATION, 0x5274afe7u, \
      "SafeERC20FailedOperation", \
      "SafeERC20FailedOperation(address)", \
      "SafeERC20FailedOperation(address token)") \
    X(SPLIT_OUT_OF_RANGE, 0x05cfcfd7u, \
      "SplitOutOfRange", \
      "SplitOutOfRange(bytes32,uint256,uint256)", \
      "SplitOutOfRange(bytes32 id,uint256 buyerAmount,uint256 amount)") \
    X(TOKEN_INVALID, 0xd4c6aa81u, \
      "TokenInvalid", \
      "TokenInvalid(address)", \
      "TokenInvalid(address token)") \
    X(TOO_MANY_ROUNDS, 0xe304d136u, \
      "TooManyRounds", \
      "TooManyRounds(bytes32,uint256)", \
      "TooManyRounds(bytes32 id,uint256 round)") \
    X(WALLET_INVALID, 0xb63de057u, \
      "WalletInvalid", \
      "WalletInvalid(address)", \
      "WalletInvalid(address wallet)") \
    X(WALLETS_NOT_PROPOSED, 0xc1b109a8u, \
      "WalletsNotProposed", \
      "WalletsNotProposed()", \
      "WalletsNotProposed()") \
    X(WALLETS_TOO_EARLY, 0x1105128au, \
      "WalletsTooEarly", \
      "WalletsTooEarly(uint256,uint256)", \
      "WalletsTooEarly(uint256 acceptableAt,uint256 time)") \
    X(WALLETS_TOO_LATE, 0x60b5d87bu, \
      "WalletsTooLate", \
      "WalletsTooLate(uint256,uint256)", \
      "WalletsTooLate(uint256 until,uint256 time)") \
    X(WRONG_STATE, 0x986f4620u, \
      "WrongState", \
      "WrongState(bytes32,uint8,uint8)", \
      "WrongState(bytes32 id,uint8 state,uint8 required)")

#define ESCROW_TOPIC_ESCROW_CREATED \
    {0x62, 0x6c, 0x09, 0x1f, 0xda, 0x49, 0x7d, 0x64, 0xc1, 0x29, 0x2e, 0xa5, \
     0x46, 0x3a, 0x16, 0x86, 0x16, 0x88, 0x9d, 0xaa, 0x3a, 0x40, 0x42, 0x76, \
     0x4a, 0xc8, 0xe3, 0x5c, 0x7f, 0x74, 0x72, 0xb1}
#define ESCROW_TOPIC_ESCROW_RELEASED \
    {0xbf, 0x62, 0xbd, 0xca, 0xbd, 0xb8, 0xca, 0xc6, 0xf0, 0x21, 0x97, 0x3a, \
     0xd4, 0xed, 0xa2, 0x20, 0x7d, 0x9a, 0xfb, 0x7d, 0x3e, 0x1e, 0x52, 0xc1, \
     0xbd, 0xc9, 0x35, 0xbf, 0xb8, 0xab, 0x23, 0x22}
#define ESCROW_TOPIC_DISPUTE_RAISED \
    {0xe0, 0x8e, 0xb2, 0xf2, 0xd4, 0x0b, 0xbb, 0xd1, 0x8b, 0xd9, 0x5e, 0xe1, \
     0x47, 0xaf, 0xf4, 0x86, 0xb8, 0x0e, 0x30, 0x52, 0xab, 0x29, 0x4b, 0x4d, \
     0x25, 0xaa, 0x77, 0x30, 0x10, 0xbf, 0xd9, 0x8a}
#define ESCROW_TOPIC_DISPUTE_DISMISSED \
    {0x59, 0x8f, 0xea, 0x6e, 0x52, 0x0a, 0x71, 0x8f, 0x5e, 0xf6, 0xa7, 0x2e, \
     0x42, 0x2d, 0xe2, 0x25, 0xd2, 0x2b, 0x3e, 0xda, 0x4c, 0x98, 0xef, 0x54, \
     0x00, 0x87, 0x56, 0x42, 0x72, 0xd7, 0xc2, 0xc0}
#define ESCROW_TOPIC_ESCROW_REVERTED \
    {0xa2, 0x3f, 0xaf, 0x29, 0xd5, 0xab, 0x81, 0xd4, 0xb5, 0x33, 0x7b, 0x34, \
     0x55, 0x65, 0xcb, 0xa4, 0x9d, 0xe6, 0x66, 0x2c, 0x0a, 0xa4, 0x82, 0x60, \
     0xf7, 0x90, 0x87, 0x0f, 0xd3, 0x9f, 0x8e, 0x66}
#define ESCROW_TOPIC_ESCROW_SPLIT \
    {0xa3, 0x91, 0x3b, 0x8b, 0x95, 0x0a, 0x7b, 0xe3, 0xca, 0x1c, 0x02, 0x49, \
     0x45, 0xdf, 0x38, 0xec, 0xca, 0x55, 0x23, 0x74, 0x15, 0x3f, 0x1c, 0xcf, \
     0x17, 0xea, 0x2a, 0x14, 0x18, 0xe2, 0x20, 0x4e}
#define ESCROW_TOPIC_PAUSE_SET \
    {0x7a, 0x67, 0xcf, 0xa6, 0x90, 0x69, 0x40, 0xed, 0xb8, 0xfe, 0x04, 0xef, \
     0x21, 0xa8, 0xc8, 0x33, 0xee, 0x4c, 0x42, 0x2f, 0xc2, 0xd7, 0x74, 0x74, \
     0xf6, 0x87, 0xb4, 0x22, 0xab, 0x12, 0x39, 0xaa}
#define ESCROW_TOPIC_WALLETS_PROPOSED \
    {0x72, 0x49, 0x53, 0xfd, 0xd4, 0x4d, 0xed, 0x4e, 0x41, 0xe8, 0xa6, 0xe0, \
     0x3f, 0x81, 0x5f, 0x53, 0xa9, 0x66, 0xbb, 0x38, 0xd6, 0x30, 0xb6, 0xee, \
     0x94, 0x79, 0x4d, 0xa7, 0x9c, 0x58, 0x7b, 0x1e}
#define ESCROW_TOPIC_WALLETS_CHANGED \
    {0x18, 0x6c, 0xa6, 0x04, 0x57, 0x17, 0x38, 0xd8, 0x36, 0x84, 0x99, 0x5b, \
     0x20, 0x3c, 0x2a, 0x2e, 0x6f, 0x26, 0x41, 0x2e, 0x30, 0x43, 0x6b, 0xf1, \
     0x92, 0x61, 0x62, 0x38, 0x18, 0x78, 0xfe, 0x27}
#define ESCROW_TOPIC_RESCUED \
    {0x3a, 0xf7, 0x90, 0xfa, 0xfd, 0xa7, 0x20, 0x81, 0x9b, 0x2f, 0xc6, 0xe1, \
     0x50, 0x90, 0x60, 0x6e, 0x81, 0x15, 0x4e, 0x0a, 0xc9, 0xa9, 0x2d, 0x38, \
     0xec, 0xad, 0x00, 0x6d, 0x99, 0xd2, 0x0e, 0xcc}
#define ESCROW_TOPIC_ROLE_GRANTED \
    {0x2f, 0x87, 0x88, 0x11, 0x7e, 0x7e, 0xff, 0x1d, 0x82, 0xe9, 0x26, 0xec, \
     0x79, 0x49, 0x01, 0xd1, 0x7c, 0x78, 0x02, 0x4a, 0x50, 0x27, 0x09, 0x40, \
     0x30, 0x45, 0x40, 0xa7, 0x33, 0x65, 0x6f, 0x0d}
#define ESCROW_TOPIC_ROLE_REVOKED \
    {0xf6, 0x39, 0x1f, 0x5c, 0x32, 0xd9, 0xc6, 0x9d, 0x2a, 0x47, 0xea, 0x67, \
     0x0b, 0x44, 0x29, 0x74, 0xb5, 0x39, 0x35, 0xd1, 0xed, 0xc7, 0xfd, 0x64, \
     0xeb, 0x21, 0xe0, 0x47, 0xa8, 0x39, 0x17, 0x1b}
#define ESCROW_TOPIC_DEFAULT_ADMIN_TRANSFER_SCHEDULED \
    {0x33, 0x77, 0xdc, 0x44, 0x24, 0x1e, 0x77, 0x9d, 0xd0, 0x6a, 0xfa, 0xb5, \
     0xb7, 0x88, 0xa3, 0x5c, 0xa5, 0xf3, 0xb7, 0x78, 0x83, 0x6e, 0x29, 0x90, \
     0xbd, 0xb2, 0x6a, 0x2a, 0x4b, 0x2e, 0x5e, 0xd6}
#define ESCROW_TOPIC_DEFAULT_ADMIN_TRANSFER_CANCELED \
    {0x88, 0x86, 0xeb, 0xfc, 0x42, 0x59, 0xab, 0xdb, 0xc1, 0x66, 0x01, 0xdd, \
     0x8f, 0xb5, 0x67, 0x8e, 0x54, 0x87, 0x8f, 0x47, 0xb3, 0xc3, 0x48, 0x36, \
     0xcf, 0xc5, 0x11, 0x54, 0xa9, 0x60, 0x51, 0x09}
#define ESCROW_TOPIC_DEFAULT_ADMIN_DELAY_CHANGE_SCHEDULED \
    {0xf1, 0x03, 0x8c, 0x18, 0xcf, 0x84, 0xa5, 0x6e, 0x43, 0x2f, 0xdb, 0xfa, \
     0xf7, 0x46, 0x92, 0x4b, 0x7e, 0xa5, 0x11, 0xdf, 0xe0, 0x3a, 0x65, 0x06, \
     0xa0, 0xce, 0xba, 0x48, 0x88, 0x78, 0x8d, 0x9b}
#define ESCROW_TOPIC_DEFAULT_ADMIN_DELAY_CHANGE_CANCELED \
    {0x2b, 0x1f, 0xa2, 0xed, 0xaf, 0xe6, 0xf7, 0xb9, 0xe9, 0x7c, 0x1a, 0x9e, \
     0x0c, 0x36, 0x60, 0xe6, 0x45, 0xbe, 0xb2, 0xdc, 0xaa, 0x2d, 0x45, 0xbd, \
     0xbf, 0x9b, 0xea, 0xf5, 0x47, 0x2e, 0x1e, 0xc5}

/* X(NAME, name, signature, signature with names) */
#define ESCROW_EVENTS(X) \
    X(ESCROW_CREATED, \
      "EscrowCreated", \
      "EscrowCreated(bytes32,address,uint256,uint256,bool,bytes32)", \
      "EscrowCreated(bytes32 indexed id,address indexed from,uint256 amount," \
          "uint256 custodyEnd,bool lock,bytes32 terms)") \
    X(ESCROW_RELEASED, \
      "EscrowReleased", \
      "EscrowReleased(bytes32,address,uint256,bool)", \
      "EscrowReleased(bytes32 indexed id,address indexed to,uint256 amount,bool early)") \
    X(DISPUTE_RAISED, \
      "DisputeRaised", \
      "DisputeRaised(bytes32,uint8,uint256,bytes32)", \
      "DisputeRaised(bytes32 indexed id,uint8 indexed party,uint256 round,bytes32 reason)") \
    X(DISPUTE_DISMISSED, \
      "DisputeDismissed", \
      "DisputeDismissed(bytes32,uint256,bytes32)", \
      "DisputeDismissed(bytes32 indexed id,uint256 round,bytes32 note)") \
    X(ESCROW_REVERTED, \
      "EscrowReverted", \
      "EscrowReverted(bytes32,address,uint256,bytes32)", \
      "EscrowReverted(bytes32 indexed id,address indexed to,uint256 amount,bytes32 note)") \
    X(ESCROW_SPLIT, \
      "EscrowSplit", \
      "EscrowSplit(bytes32,uint256,uint256,bytes32)", \
      "EscrowSplit(bytes32 indexed id,uint256 buyerAmount,uint256 sellerAmount," \
          "bytes32 note)") \
    X(PAUSE_SET, \
      "PauseSet", \
      "PauseSet(uint256,uint256,address)", \
      "PauseSet(uint256 bits,uint256 until,address indexed by)") \
    X(WALLETS_PROPOSED, \
      "WalletsProposed", \
      "WalletsProposed(address,address,uint256)", \
      "WalletsProposed(address indexed payout,address indexed refund,uint256 acceptableAt)") \
    X(WALLETS_CHANGED, \
      "WalletsChanged", \
      "WalletsChanged(address,address)", \
      "WalletsChanged(address indexed payout,address indexed refund)") \
    X(RESCUED, \
      "Rescued", \
      "Rescued(address,address,uint256)", \
      "Rescued(address indexed token,address indexed to,uint256 amount)") \
    X(ROLE_GRANTED, \
      "RoleGranted", \
      "RoleGranted(bytes32,address,address)", \
      "RoleGranted(bytes32 indexed role,address indexed account,address indexed sender)") \
    X(ROLE_REVOKED, \
      "RoleRevoked", \
      "RoleRevoked(bytes32,address,address)", \
      "RoleRevoked(bytes32 indexed role,address indexed account,address indexed sender)") \
    X(DEFAULT_ADMIN_TRANSFER_SCHEDULED, \
      "DefaultAdminTransferScheduled", \
      "DefaultAdminTransferScheduled(address,uint48)", \
      "DefaultAdminTransferScheduled(address indexed newAdmin,uint48 acceptSchedule)") \
    X(DEFAULT_ADMIN_TRANSFER_CANCELED, \
      "DefaultAdminTransferCanceled", \
      "DefaultAdminTransferCanceled()", \
      "DefaultAdminTransferCanceled()") \
    X(DEFAULT_ADMIN_DELAY_CHANGE_SCHEDULED, \
      "DefaultAdminDelayChangeScheduled", \
      "DefaultAdminDelayChangeScheduled(uint48,uint48)", \
      "DefaultAdminDelayChangeScheduled(uint48 newDelay,uint48 effectSchedule)") \
    X(DEFAULT_ADMIN_DELAY_CHANGE_CANCELED, \
      "DefaultAdminDelayChangeCanceled", \
      "DefaultAdminDelayChangeCanceled()", \
      "DefaultAdminDelayChangeCanceled()")

#endif
