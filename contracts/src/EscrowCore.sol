// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IKustodiaEscrow} from "./IKustodiaEscrow.sol";

/// @title The escrow's rules as pure functions
/// @notice Which edge of the state machine is open when, what the escrow is afterwards, what becomes
/// of the book (`held`) and what is paid. Nothing here reads the chain, the storage or a role: the
/// contract passes in what it has stored and the time, and stores what comes back.
/// `proof/EscrowProof.sol` states what the compiler's model checker proves about these very functions.
///
/// @dev Everywhere: `e` the escrow as stored, `held` the book as stored, `time` the block's time.
/// Back come the state and the book to store; `paid` is what has to leave. An edge that is not open
/// reverts. No function changes `e`: what is not returned stays as it is stored.
library EscrowCore {
    /// @notice Longest custody. Catches a custodyEnd given in milliseconds.
    uint256 internal constant MAX_CUSTODY = 1096 days;
    /// @notice Disputes a party may raise per escrow. The arbiter's `hold` is not bound by it.
    uint256 internal constant MAX_ROUNDS = 3;

    /// @notice None to Active.
    /// @param state of whatever is stored under the id.
    function open(
        IKustodiaEscrow.State state,
        IKustodiaEscrow.Terms calldata t,
        uint88 held,
        uint256 time
    ) internal pure returns (IKustodiaEscrow.State next, uint88 heldAfter) {
        if (t.id == bytes32(0)) revert IKustodiaEscrow.IdZero();
        if (t.amount == 0) revert IKustodiaEscrow.AmountZero(t.id);
        uint256 latest = time + MAX_CUSTODY;
        if (t.custodyEnd <= time || t.custodyEnd > latest) {
            revert IKustodiaEscrow.EndOutOfRange(t.id, t.custodyEnd, time + 1, latest);
        }
        if (state != IKustodiaEscrow.State.None) revert IKustodiaEscrow.EscrowExists(t.id, state);
        next = IKustodiaEscrow.State.Active;
        heldAfter = held + t.amount;
    }

    /// @notice Active to Released: custody at or after its end, a burn lock before its end.
    function release(bytes32 id, IKustodiaEscrow.Escrow memory e, uint88 held, uint256 time)
        internal
        pure
        returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 paid)
    {
        _requireState(id, e.state, IKustodiaEscrow.State.Active);
        if (!_isDue(e, time)) {
            if (e.lock) revert IKustodiaEscrow.CustodyEnded(id, e.custodyEnd, time);
            revert IKustodiaEscrow.CustodyRunning(id, e.custodyEnd, time);
        }
        return _end(e, IKustodiaEscrow.State.Released, held);
    }

    /// @notice As `release`, but for an escrow that cannot be released now nothing changes and `paid` is
    /// zero. (An active escrow's amount is never zero.)
    function releaseIfDue(IKustodiaEscrow.Escrow memory e, uint88 held, uint256 time)
        internal
        pure
        returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 paid)
    {
        if (e.state == IKustodiaEscrow.State.Active && _isDue(e, time)) {
            (next, heldAfter, paid) = _end(e, IKustodiaEscrow.State.Released, held);
        } else {
            (next, heldAfter) = (e.state, held);
        }
    }

    /// @notice Active to Released before the end of custody. A burn lock has no early release: before
    /// its end `release` is open.
    function releaseEarly(bytes32 id, IKustodiaEscrow.Escrow memory e, uint88 held, uint256 time)
        internal
        pure
        returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 paid)
    {
        _requireState(id, e.state, IKustodiaEscrow.State.Active);
        if (e.lock) revert IKustodiaEscrow.IsALock(id);
        _requireRunning(id, e, time);
        return _end(e, IKustodiaEscrow.State.Released, held);
    }

    /// @notice Active to Reverted: a burn lock at or after its end.
    function refundExpired(bytes32 id, IKustodiaEscrow.Escrow memory e, uint88 held, uint256 time)
        internal
        pure
        returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 paid)
    {
        _requireState(id, e.state, IKustodiaEscrow.State.Active);
        if (!e.lock) revert IKustodiaEscrow.NotALock(id);
        if (time < e.custodyEnd) revert IKustodiaEscrow.CustodyRunning(id, e.custodyEnd, time);
        return _end(e, IKustodiaEscrow.State.Reverted, held);
    }

    /// @notice Active to Disputed, with the number of the round, for the buyer or the seller, at most MAX_ROUNDS times.
    function dispute(
        bytes32 id,
        IKustodiaEscrow.Escrow memory e,
        IKustodiaEscrow.Party party,
        uint256 time
    ) internal pure returns (IKustodiaEscrow.State next, uint8 round) {
        if (party != IKustodiaEscrow.Party.Buyer && party != IKustodiaEscrow.Party.Seller) {
            revert IKustodiaEscrow.PartyInvalid(id, party);
        }
        return _freeze(id, e, MAX_ROUNDS, time);
    }

    /// @notice Active to Disputed on the arbiter's own account.
    function hold(bytes32 id, IKustodiaEscrow.Escrow memory e, uint256 time)
        internal
        pure
        returns (IKustodiaEscrow.State next, uint8 round)
    {
        return _freeze(id, e, type(uint8).max, time);
    }

    /// @notice Disputed to Active; the end does not change.
    function dismiss(bytes32 id, IKustodiaEscrow.State state)
        internal
        pure
        returns (IKustodiaEscrow.State next)
    {
        _requireState(id, state, IKustodiaEscrow.State.Disputed);
        return IKustodiaEscrow.State.Active;
    }

    /// @notice Disputed to Reverted.
    function resolveRevert(bytes32 id, IKustodiaEscrow.Escrow memory e, uint88 held)
        internal
        pure
        returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 paid)
    {
        _requireState(id, e.state, IKustodiaEscrow.State.Disputed);
        return _end(e, IKustodiaEscrow.State.Reverted, held);
    }

    /// @notice Disputed to Split.
    /// @param buyerAmount strictly between 0 and the amount.
    /// The rest, sellerAmount, comes back: the two together are the amount.
    function resolveSplit(
        bytes32 id,
        IKustodiaEscrow.Escrow memory e,
        uint88 held,
        uint88 buyerAmount
    ) internal pure returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 sellerAmount) {
        _requireState(id, e.state, IKustodiaEscrow.State.Disputed);
        if (buyerAmount == 0 || buyerAmount >= e.amount) {
            revert IKustodiaEscrow.SplitOutOfRange(id, buyerAmount, e.amount);
        }
        uint88 paid;
        (next, heldAfter, paid) = _end(e, IKustodiaEscrow.State.Split, held);
        sellerAmount = paid - buyerAmount;
    }

    /// @dev The only place where money leaves the book: the whole amount, with the step into a final
    /// state.
    function _end(IKustodiaEscrow.Escrow memory e, IKustodiaEscrow.State end, uint88 held)
        private
        pure
        returns (IKustodiaEscrow.State next, uint88 heldAfter, uint88 paid)
    {
        return (end, held - e.amount, e.amount);
    }

    function _freeze(bytes32 id, IKustodiaEscrow.Escrow memory e, uint256 maxRounds, uint256 time)
        private
        pure
        returns (IKustodiaEscrow.State next, uint8 round)
    {
        _requireState(id, e.state, IKustodiaEscrow.State.Active);
        _requireRunning(id, e, time);
        if (e.round >= maxRounds) revert IKustodiaEscrow.TooManyRounds(id, e.round);
        return (IKustodiaEscrow.State.Disputed, e.round + 1);
    }

    /// @dev Time alone: custody is due from its end on, a burn lock until its end.
    function _isDue(IKustodiaEscrow.Escrow memory e, uint256 time) private pure returns (bool) {
        return e.lock ? time < e.custodyEnd : time >= e.custodyEnd;
    }

    function _requireRunning(bytes32 id, IKustodiaEscrow.Escrow memory e, uint256 time)
        private
        pure
    {
        if (time >= e.custodyEnd) revert IKustodiaEscrow.CustodyEnded(id, e.custodyEnd, time);
    }

    function _requireState(bytes32 id, IKustodiaEscrow.State state, IKustodiaEscrow.State required)
        private
        pure
    {
        if (state != required) revert IKustodiaEscrow.WrongState(id, state, required);
    }
}
