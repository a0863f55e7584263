// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EscrowCore} from "./EscrowCore.sol";
import {IERC3009Receive} from "./IERC3009Receive.sol";
import {IKustodiaEscrow} from "./IKustodiaEscrow.sol";

/// @title Kustodia escrow
/// @notice Holds one token for custody payments. Money comes in from one fixed funder and leaves
/// only to two wallets, none of which is ever an argument of a call. There is no upgrade: a new
/// version is a new address, and this one drains. The state machine and the book are in EscrowCore;
/// here are roles, pauses, wallets, logs and the token.
///
/// What each role can do at worst if its key is stolen:
/// - RELAYER: lock money the funder allowed, dispute, release what is due. All of it ends in the
///   two wallets. The same address can never hold ARBITER or the admin role.
/// - ARBITER: decide disputes and release early, again only towards the two wallets.
/// - GUARDIAN: stop new escrows and pay-outs for PAUSE_TIME; refunds and disputes go on.
/// - DEFAULT_ADMIN: grant and revoke roles at once, and change the wallets after WALLET_DELAY, in
///   the open. Nobody can end this role: it only changes hands.
///
/// Token assumptions: no fee on transfer, no rebase. A token that pauses or blocks an account makes
/// the call revert with nothing changed; the escrow keeps its state and the call can be repeated.
contract KustodiaEscrow is
    IKustodiaEscrow,
    AccessControlDefaultAdminRules,
    ReentrancyGuardTransient
{
    using SafeERC20 for IERC20;

    bytes32 public constant RELAYER = keccak256("RELAYER");
    bytes32 public constant ARBITER = keccak256("ARBITER");
    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");

    uint8 public constant PAUSE_CREATE = 1;
    uint8 public constant PAUSE_PAYOUT = 2;
    uint256 public constant PAUSE_TIME = 7 days;
    uint256 public constant WALLET_DELAY = 2 days;
    /// @dev How long a proposal of wallets can be accepted once its delay is over. Not a call of its own: one
    /// more would cost gas in each of the others.
    uint256 private constant WALLET_WINDOW = 14 days;
    uint256 public constant MAX_CUSTODY = EscrowCore.MAX_CUSTODY;
    uint256 public constant MAX_ROUNDS = EscrowCore.MAX_ROUNDS;
    /// @notice Most entries of one batch; 500 creates stay below half of Arbitrum's limit per
    /// transaction (32M gas).
    uint256 public constant MAX_BATCH = 500;

    IERC20 public immutable token;
    /// @notice The only address money is pulled from.
    address public immutable funder;

    mapping(bytes32 id => Escrow) private _escrows;

    // One slot, read and written by every movement of money.
    address private _payout;
    uint88 private _held;
    uint8 private _pauseBits;
    // One slot.
    address private _refund;
    uint40 private _pauseUntil;
    // Two slots, empty unless a change of wallets is waiting.
    address private _nextPayout;
    uint40 private _nextAcceptableAt;
    address private _nextRefund;

    /// @param token_ the token held; must be a contract.
    /// @param funder_ the address that approves this contract; may hold RELAYER and may be a wallet.
    /// @param admin_ first DEFAULT_ADMIN; grants the other roles.
    /// @param adminDelay_ seconds a transfer of the admin role has to wait.
    /// @param payout_ receives releases and the seller's part of a split.
    /// @param refund_ receives reverts and the buyer's part of a split; may equal payout_.
    constructor(
        IERC20 token_,
        address funder_,
        address admin_,
        uint48 adminDelay_,
        address payout_,
        address refund_
    ) AccessControlDefaultAdminRules(adminDelay_, admin_) {
        if (address(token_).code.length == 0) revert TokenInvalid(address(token_));
        if (funder_ == address(0) || funder_ == address(this)) revert FunderInvalid(funder_);
        token = token_;
        funder = funder_;
        _requireWallet(payout_, address(token_));
        _requireWallet(refund_, address(token_));
        _payout = payout_;
        _refund = refund_;
        emit WalletsChanged(payout_, refund_);
    }

    modifier whenNotPaused(uint8 bit) {
        // The expiry lies in another slot: it is read only while a bit is set.
        if ((_pauseBits & bit) != 0 && block.timestamp < _pauseUntil) {
            revert PausedUntil(_pauseBits, _pauseUntil);
        }
        _;
    }

    // ------------------------------------------------------------------------------------------
    // RELAYER
    // ------------------------------------------------------------------------------------------

    /// @notice Locks one escrow with money pulled from the funder's allowance.
    function create(Terms calldata t)
        external
        onlyRole(RELAYER)
        nonReentrant
        whenNotPaused(PAUSE_CREATE)
    {
        _held = _open(t, _held);
        token.safeTransferFrom(funder, address(this), t.amount);
        _requireInflow();
    }

    /// @notice Locks a batch with one pull of the sum: all entries or none.
    function createMany(Terms[] calldata ts)
        external
        onlyRole(RELAYER)
        nonReentrant
        whenNotPaused(PAUSE_CREATE)
    {
        _requireBatch(ts.length);
        uint88 before = _held;
        uint88 held_ = before;
        for (uint256 i = 0; i < ts.length; ++i) {
            held_ = _open(ts[i], held_);
        }
        _held = held_;
        token.safeTransferFrom(funder, address(this), held_ - before);
        _requireInflow();
    }

    /// @notice Locks one escrow with the funder's signed ERC-3009 authorization instead of an
    /// allowance. The authorization's nonce is the hash of all terms, so the funder's key agreed to
    /// exactly this escrow; validAfter is 0.
    function createWithAuthorization(Terms calldata t, uint256 validBefore, bytes calldata sig)
        external
        onlyRole(RELAYER)
        nonReentrant
        whenNotPaused(PAUSE_CREATE)
    {
        _held = _open(t, _held);
        IERC3009Receive(address(token))
            .receiveWithAuthorization(
                funder, address(this), t.amount, 0, validBefore, keccak256(abi.encode(t)), sig
            );
        _requireInflow();
    }

    /// @notice Pays one escrow out: custody at or after its end, a burn lock before its end.
    function release(bytes32 id)
        external
        onlyRole(RELAYER)
        nonReentrant
        whenNotPaused(PAUSE_PAYOUT)
    {
        Escrow memory e = _escrows[id];
        (State next, uint88 heldAfter, uint88 paid) =
            EscrowCore.release(id, e, _held, block.timestamp);
        _payOut(id, next, heldAfter, paid, false);
    }

    /// @notice Pays out every entry that is active and due, and passes over the others: a dispute
    /// that lands between simulation and inclusion must not stop the rest. Reverts when no entry is
    /// payable. One transfer of the sum.
    /// @return released how many entries were paid.
    function releaseMany(bytes32[] calldata ids)
        external
        onlyRole(RELAYER)
        nonReentrant
        whenNotPaused(PAUSE_PAYOUT)
        returns (uint256 released)
    {
        _requireBatch(ids.length);
        address to = _payout;
        uint88 before = _held;
        uint88 held_ = before;
        for (uint256 i = 0; i < ids.length; ++i) {
            Escrow storage e = _escrows[ids[i]];
            (State next, uint88 heldAfter, uint88 paid) =
                EscrowCore.releaseIfDue(e, held_, block.timestamp);
            if (paid == 0) continue;
            e.state = next;
            held_ = heldAfter;
            ++released;
            emit EscrowReleased(ids[i], to, paid, false);
        }
        if (released == 0) revert NothingPayable(ids.length);
        _held = held_;
        token.safeTransfer(to, before - held_);
    }

    /// @notice Sends an expired burn lock back to the refund wallet. Never paused.
    function refundExpired(bytes32 id) external onlyRole(RELAYER) nonReentrant {
        Escrow memory e = _escrows[id];
        (State next, uint88 heldAfter, uint88 paid) =
            EscrowCore.refundExpired(id, e, _held, block.timestamp);
        _payBack(id, next, heldAfter, paid, bytes32(0));
    }

    /// @notice Freezes an escrow for the buyer or the seller. Only before custodyEnd, at most
    /// MAX_ROUNDS times. Never paused.
    function dispute(bytes32 id, Party party, bytes32 reason) external onlyRole(RELAYER) {
        Escrow memory e = _escrows[id];
        (e.state, e.round) = EscrowCore.dispute(id, e, party, block.timestamp);
        _freeze(id, e, party, reason);
    }

    // ------------------------------------------------------------------------------------------
    // ARBITER. None of the decisions on a dispute can be paused.
    // ------------------------------------------------------------------------------------------

    /// @notice Freezes an escrow on the arbiter's own account, also when the parties' rounds are
    /// used up. Only before custodyEnd.
    function hold(bytes32 id, bytes32 reason) external onlyRole(ARBITER) {
        Escrow memory e = _escrows[id];
        (e.state, e.round) = EscrowCore.hold(id, e, block.timestamp);
        _freeze(id, e, Party.Arbiter, reason);
    }

    /// @notice Custody goes on; its end does not change.
    function dismiss(bytes32 id, bytes32 note) external onlyRole(ARBITER) {
        Escrow storage e = _escrows[id];
        e.state = EscrowCore.dismiss(id, e.state);
        emit DisputeDismissed(id, e.round, note);
    }

    /// @notice The whole amount goes back to the refund wallet.
    function resolveRevert(bytes32 id, bytes32 note) external onlyRole(ARBITER) nonReentrant {
        Escrow memory e = _escrows[id];
        (State next, uint88 heldAfter, uint88 paid) = EscrowCore.resolveRevert(id, e, _held);
        _payBack(id, next, heldAfter, paid, note);
    }

    /// @notice The buyer's part goes to the refund wallet, the rest to the payout wallet.
    /// @param buyerAmount strictly between 0 and the amount.
    function resolveSplit(bytes32 id, uint88 buyerAmount, bytes32 note)
        external
        onlyRole(ARBITER)
        nonReentrant
    {
        (State next, uint88 heldAfter, uint88 sellerAmount) =
            EscrowCore.resolveSplit(id, _escrows[id], _held, buyerAmount);
        _held = heldAfter;
        _escrows[id].state = next;
        emit EscrowSplit(id, buyerAmount, sellerAmount, note);
        token.safeTransfer(_refund, buyerAmount);
        token.safeTransfer(_payout, sellerAmount);
    }

    /// @notice Pays custody out before its end, when both parties agreed. A burn lock has no early
    /// release: before its end `release` is open.
    function releaseEarly(bytes32 id)
        external
        onlyRole(ARBITER)
        nonReentrant
        whenNotPaused(PAUSE_PAYOUT)
    {
        Escrow memory e = _escrows[id];
        (State next, uint88 heldAfter, uint88 paid) =
            EscrowCore.releaseEarly(id, e, _held, block.timestamp);
        _payOut(id, next, heldAfter, paid, true);
    }

    // ------------------------------------------------------------------------------------------
    // GUARDIAN and DEFAULT_ADMIN
    // ------------------------------------------------------------------------------------------

    /// @notice Sets pause bits for PAUSE_TIME. While a pause runs, bits can be added but its end
    /// does not move.
    function pause(uint8 bits) external onlyRole(GUARDIAN) {
        if (bits == 0 || (bits & ~(PAUSE_CREATE | PAUSE_PAYOUT)) != 0) {
            revert PauseBitsInvalid(bits);
        }
        if (block.timestamp < _pauseUntil) {
            _pauseBits |= bits;
        } else {
            _pauseBits = bits;
            _pauseUntil = uint40(block.timestamp + PAUSE_TIME);
        }
        emit PauseSet(_pauseBits, _pauseUntil, msg.sender);
    }

    /// @notice Lifts every pause before its end.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _pauseBits = 0;
        _pauseUntil = 0;
        emit PauseSet(0, 0, msg.sender);
    }

    /// @notice First step of a change of wallets; a new proposal replaces a waiting one.
    function proposeWallets(address payout_, address refund_)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        _requireWallet(payout_, address(token));
        _requireWallet(refund_, address(token));
        _nextPayout = payout_;
        _nextRefund = refund_;
        _nextAcceptableAt = uint40(block.timestamp + WALLET_DELAY);
        emit WalletsProposed(payout_, refund_, _nextAcceptableAt);
    }

    /// @notice Second step, WALLET_DELAY later and within WALLET_WINDOW: a forgotten proposal does not
    /// stay good for ever. Escrows already open pay to the new wallets.
    function acceptWallets() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_nextAcceptableAt == 0) revert WalletsNotProposed();
        if (block.timestamp < _nextAcceptableAt) {
            revert WalletsTooEarly(_nextAcceptableAt, block.timestamp);
        }
        uint256 until = _nextAcceptableAt + WALLET_WINDOW;
        if (block.timestamp >= until) revert WalletsTooLate(until, block.timestamp);
        _payout = _nextPayout;
        _refund = _nextRefund;
        delete _nextPayout;
        delete _nextRefund;
        delete _nextAcceptableAt;
        emit WalletsChanged(_payout, _refund);
    }

    /// @notice Takes out tokens sent here by mistake: of the escrow's own token only what lies above
    /// `held`.
    function rescue(IERC20 token_, address to, uint256 amount)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
        nonReentrant
    {
        _requireWallet(to, address(token));
        if (address(token_) == address(token)) {
            uint256 balance = token.balanceOf(address(this));
            uint256 surplus = balance > _held ? balance - _held : 0;
            if (amount > surplus) revert RescueAboveSurplus(surplus, amount);
        }
        emit Rescued(address(token_), to, amount);
        token_.safeTransfer(to, amount);
    }

    // ------------------------------------------------------------------------------------------
    // Views
    // ------------------------------------------------------------------------------------------

    /// @notice All fields zero for an id never used.
    function escrow(bytes32 id) external view returns (Escrow memory) {
        return _escrows[id];
    }

    function escrows(bytes32[] calldata ids) external view returns (Escrow[] memory list) {
        list = new Escrow[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            list[i] = _escrows[ids[i]];
        }
    }

    /// @notice The id of a payment's leg on this chain and contract. It holds no terms: a retry with
    /// other terms meets the same id and is refused.
    function idOf(bytes16 payment, uint8 leg) external view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), payment, leg));
    }

    /// @notice Sum of the amounts of all active and disputed escrows.
    function held() external view returns (uint256) {
        return _held;
    }

    /// @notice Bits in force now and the first second without them; (0, 0) when nothing is paused.
    function paused() external view returns (uint8 bits, uint256 until) {
        if (block.timestamp >= _pauseUntil) return (0, 0);
        return (_pauseBits, _pauseUntil);
    }

    function payout() external view returns (address) {
        return _payout;
    }

    function refund() external view returns (address) {
        return _refund;
    }

    /// @notice The wallets waiting for `acceptWallets`; all zero when none wait. One that has expired
    /// still shows, until another takes its place.
    function proposedWallets()
        external
        view
        returns (address payout_, address refund_, uint256 acceptableAt)
    {
        return (_nextPayout, _nextRefund, _nextAcceptableAt);
    }

    // ------------------------------------------------------------------------------------------
    // Internal
    // ------------------------------------------------------------------------------------------

    /// @dev Keeps the key that moves money apart from the keys that decide, on every path that
    /// grants a role (constructor, grantRole, acceptDefaultAdminTransfer).
    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        if (role == RELAYER) {
            _requireNotHolding(account, role, ARBITER);
            _requireNotHolding(account, role, DEFAULT_ADMIN_ROLE);
        } else if (role == ARBITER || role == DEFAULT_ADMIN_ROLE) {
            _requireNotHolding(account, role, RELAYER);
        }
        return super._grantRole(role, account);
    }

    /// @dev Without an admin no wallet could ever change and no role be granted: one blocked wallet
    /// would trap every open escrow. To renounce the role, a transfer to nobody has to begin first.
    function _beginDefaultAdminTransfer(address newAdmin) internal override {
        if (newAdmin == address(0)) revert AdminRequired();
        super._beginDefaultAdminTransfer(newAdmin);
    }

    function _requireNotHolding(address account, bytes32 role, bytes32 other) private view {
        if (hasRole(other, account)) revert RoleConflict(account, role, other);
    }

    /// @dev Writes and logs a new escrow; the caller stores the book that comes back and pulls what it
    /// grew by.
    function _open(Terms calldata t, uint88 held_) private returns (uint88 heldAfter) {
        State next;
        (next, heldAfter) = EscrowCore.open(_escrows[t.id].state, t, held_, block.timestamp);
        _escrows[t.id] = Escrow({
            amount: t.amount,
            createdAt: uint40(block.timestamp),
            custodyEnd: t.custodyEnd,
            disputedAt: 0,
            state: next,
            lock: t.lock,
            party: Party.None,
            round: 0
        });
        emit EscrowCreated(t.id, funder, t.amount, t.custodyEnd, t.lock, t.terms);
    }

    function _freeze(bytes32 id, Escrow memory e, Party party, bytes32 reason) private {
        e.party = party;
        e.disputedAt = uint40(block.timestamp);
        _escrows[id] = e;
        emit DisputeRaised(id, uint8(party), e.round, reason);
    }

    function _payOut(bytes32 id, State next, uint88 heldAfter, uint88 paid, bool early) private {
        address to = _payout;
        _held = heldAfter;
        _escrows[id].state = next;
        emit EscrowReleased(id, to, paid, early);
        token.safeTransfer(to, paid);
    }

    function _payBack(bytes32 id, State next, uint88 heldAfter, uint88 paid, bytes32 note) private {
        address to = _refund;
        _held = heldAfter;
        _escrows[id].state = next;
        emit EscrowReverted(id, to, paid, note);
        token.safeTransfer(to, paid);
    }

    function _requireBatch(uint256 size) private pure {
        if (size == 0 || size > MAX_BATCH) revert BatchSize(size, MAX_BATCH);
    }

    /// @dev Against the own book, not against the balance before: a token that calls back cannot
    /// have one inflow counted twice, and a token that takes a fee is refused unless a donation
    /// covers the gap.
    function _requireInflow() private view {
        uint256 balance = token.balanceOf(address(this));
        if (balance < _held) revert InflowShort(balance, _held);
    }

    /// @dev The token refuses transfers to itself, and money sent to this contract would leave the
    /// book: both would be wallets that trap it.
    function _requireWallet(address wallet, address token_) private view {
        if (wallet == address(0) || wallet == address(this) || wallet == token_) {
            revert WalletInvalid(wallet);
        }
    }
}
