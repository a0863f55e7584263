// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Types, events and errors of the Kustodia escrow
/// @notice Everything an indexer, an auditor or the relayer reads. Units: amounts are the token's
/// smallest unit (1e-6 MXNB), times are UNIX seconds of the chain's own clock.
/// The stored numbers of State and Party are part of the contract: never reorder them.
interface IKustodiaEscrow {
    /// @dev Legal edges: None>Active, Active>Disputed, Active>Released, Active>Reverted (an expired
    /// burn lock only), Disputed>Active, Disputed>Reverted, Disputed>Split. The last three are final
    /// and are kept for ever, so an id lives once.
    enum State {
        None,
        Active,
        Disputed,
        Released,
        Reverted,
        Split
    }

    /// @dev Who asked for the last dispute. Arbiter stands for `hold`.
    enum Party {
        None,
        Buyer,
        Seller,
        Arbiter
    }

    /// @notice What the relayer asks to lock.
    /// @param id see `idOf`; not zero.
    /// @param amount 1 .. 2^88-1.
    /// @param custodyEnd later than the block's time, at most MAX_CUSTODY away.
    /// @param lock false: custody, released at or after the end. true: burn lock, released before
    /// the end, refunded at or after it.
    /// @param terms hash of the off-chain agreement, in the log only. Nothing personal in clear.
    struct Terms {
        bytes32 id;
        uint88 amount;
        uint40 custodyEnd;
        bool lock;
        bytes32 terms;
    }

    /// @notice One escrow, one storage slot (240 of 256 bits).
    /// @param disputedAt when the last dispute was raised; stays after a dismissal.
    /// @param round how often the escrow was disputed or held.
    struct Escrow {
        uint88 amount;
        uint40 createdAt;
        uint40 custodyEnd;
        uint40 disputedAt;
        State state;
        bool lock;
        Party party;
        uint8 round;
    }

    event EscrowCreated(
        bytes32 indexed id,
        address indexed from,
        uint256 amount,
        uint256 custodyEnd,
        bool lock,
        bytes32 terms
    );
    /// @param early true only for `releaseEarly`.
    event EscrowReleased(bytes32 indexed id, address indexed to, uint256 amount, bool early);
    event DisputeRaised(bytes32 indexed id, uint8 indexed party, uint256 round, bytes32 reason);
    event DisputeDismissed(bytes32 indexed id, uint256 round, bytes32 note);
    /// @param note zero for an expired burn lock.
    event EscrowReverted(bytes32 indexed id, address indexed to, uint256 amount, bytes32 note);
    event EscrowSplit(bytes32 indexed id, uint256 buyerAmount, uint256 sellerAmount, bytes32 note);
    /// @param bits all bits now set; 0 when lifted. @param until the first second without pause.
    event PauseSet(uint256 bits, uint256 until, address indexed by);
    event WalletsProposed(address indexed payout, address indexed refund, uint256 acceptableAt);
    event WalletsChanged(address indexed payout, address indexed refund);
    event Rescued(address indexed token, address indexed to, uint256 amount);

    error IdZero();
    error AmountZero(bytes32 id);
    error EscrowExists(bytes32 id, State state);
    /// @notice custodyEnd must lie in earliest..latest, both included.
    error EndOutOfRange(bytes32 id, uint256 custodyEnd, uint256 earliest, uint256 latest);
    error BatchSize(uint256 size, uint256 max);
    error NothingPayable(uint256 size);
    error WrongState(bytes32 id, State state, State required);
    /// @notice Too soon: nothing to retry before custodyEnd.
    error CustodyRunning(bytes32 id, uint256 custodyEnd, uint256 time);
    /// @notice Too late: this call was open only before custodyEnd.
    error CustodyEnded(bytes32 id, uint256 custodyEnd, uint256 time);
    error NotALock(bytes32 id);
    error IsALock(bytes32 id);
    error PartyInvalid(bytes32 id, Party party);
    error TooManyRounds(bytes32 id, uint256 round);
    error SplitOutOfRange(bytes32 id, uint256 buyerAmount, uint256 amount);
    error InflowShort(uint256 balance, uint256 held);
    error PausedUntil(uint256 bits, uint256 until);
    error PauseBitsInvalid(uint256 bits);
    error RoleConflict(address account, bytes32 role, bytes32 held);
    error TokenInvalid(address token);
    error FunderInvalid(address funder);
    error WalletInvalid(address wallet);
    error WalletsNotProposed();
    error WalletsTooEarly(uint256 acceptableAt, uint256 time);
    /// @notice The proposal was forgotten: propose again.
    error WalletsTooLate(uint256 until, uint256 time);
    error AdminRequired();
    error RescueAboveSurplus(uint256 surplus, uint256 amount);
}
