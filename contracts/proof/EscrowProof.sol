// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowCore} from "../src/EscrowCore.sol";
import {IKustodiaEscrow} from "../src/IKustodiaEscrow.sol";

/// @title What the model checker proves about EscrowCore (tools/prove.mjs; never deployed)
/// @notice One escrow, whichever it is, among any number of others. Each function below stands for a
/// call of KustodiaEscrow. The checker takes every state the variables can have and every argument,
/// assumes what `step` requires, and shows that no `assert` can fail and no arithmetic overflow.
///
/// It is a proof by induction: `start` shows that `_invariant` holds of a new contract, and each step
/// that it holds afterwards if it held before. So it holds after every sequence of calls.
///
/// The others are one number, `others`: the sum of their amounts while open. They are opened and paid
/// by the same functions, and each step here leaves `others` alone and moves the book by exactly what
/// this escrow moves by. So the sum holds for all of them together.
///
/// Assumed: all money that ever comes in is below 2^88 units (3e20 pesos; beyond it `open` reverts),
/// and the block's time is below 2^40 - 1. Outside, and therefore tested and not proved: roles,
/// pauses, the mapping from ids to slots, the token, the logs, the compiler.
contract EscrowProof is IKustodiaEscrow {
    // The escrow and the book, as KustodiaEscrow stores them.
    uint88 private amount;
    uint40 private createdAt;
    uint40 private custodyEnd;
    uint40 private disputedAt;
    State private state;
    bool private lock;
    Party private party;
    uint8 private round;
    uint88 private held;

    // What somebody outside would have counted.
    uint256 private others;
    uint256 private totalIn;
    uint256 private totalOut;
    uint256 private opened;
    uint256 private payments;
    uint256 private paidOut;
    uint256 private disputes;

    // What the step under way found, and what it paid.
    State private stateBefore;
    uint88 private amountBefore;
    uint88 private heldBefore;
    uint256 private paid;

    // Modifiers, because the checker takes a private function for an entry point of its own.

    /// @dev Any step: assumes the invariant, and shows what holds afterwards.
    modifier step(uint256 time) {
        require(time < type(uint40).max && _invariant());
        (stateBefore, amountBefore, heldBefore) = (state, amount, held);
        _;
        assert(held == others + (_isOpen(state) ? amount : 0)); // held is the sum of the open escrows
        assert(totalIn == totalOut + held); // money in is money out plus held
        assert(paidOut == (_isFinal(state) ? amount : 0)); // paid in full when final, nothing before
        assert(!_isFinal(stateBefore)); // a final state never changes
        assert(_isEdge(stateBefore, state)); // only legal edges
        assert(stateBefore == State.None || amount == amountBefore); // the amount stays
        assert(_invariant()); // the invariant holds after the step
    }

    /// @dev A step that pays, inside `step`.
    modifier pays() {
        _;
        payments += 1;
        paidOut += paid;
        totalOut += paid;
        assert(paid == amount); // a payment is exactly the amount
        assert(payments == 1); // an escrow is paid at most once
        assert(heldBefore - held == amount); // a payment takes exactly the amount off the book
        assert(_isFinal(state)); // who is paid is in a final state
    }

    function start() external view {
        require(state == State.None && held == 0 && others == 0);
        require(totalIn == 0 && totalOut == 0 && opened == 0);
        require(payments == 0 && paidOut == 0 && disputes == 0);
        assert(_invariant()); // a new contract satisfies the invariant
    }

    function open(Terms calldata t, uint256 time) external step(time) {
        require(totalIn + t.amount <= type(uint88).max);
        (State next, uint88 heldAfter) = EscrowCore.open(state, t, held, time);
        (state, held, amount, custodyEnd) = (next, heldAfter, t.amount, t.custodyEnd);
        (createdAt, lock) = (uint40(time), t.lock);
        opened += 1;
        totalIn += t.amount;
        assert(stateBefore == State.None); // only an id never used is opened
        assert(opened == 1); // an id lives once
        assert(held - heldBefore == t.amount); // opening adds exactly the amount to the book
        assert(t.id != 0 && custodyEnd > time); // an opened escrow has an id and its end to come
    }

    function release(bytes32 id, uint256 time) external step(time) pays {
        (state, held, paid) = EscrowCore.release(id, _escrow(), held, time);
        assert(lock ? time < custodyEnd : time >= custodyEnd); // release keeps to the end of custody
    }

    function releaseIfDue(uint256 time) external step(time) pays {
        (state, held, paid) = EscrowCore.releaseIfDue(_escrow(), held, time);
        require(paid != 0);
        assert(lock ? time < custodyEnd : time >= custodyEnd); // a batch keeps to the end of custody
    }

    function passOver(uint256 time) external view {
        require(_invariant());
        (State next, uint88 heldAfter, uint88 none) = EscrowCore.releaseIfDue(_escrow(), held, time);
        require(none == 0);
        assert(next == state && heldAfter == held); // what a batch passes over stays as it is
    }

    function releaseEarly(bytes32 id, uint256 time) external step(time) pays {
        (state, held, paid) = EscrowCore.releaseEarly(id, _escrow(), held, time);
        assert(!lock && time < custodyEnd); // early release is for custody before its end
    }

    function refundExpired(bytes32 id, uint256 time) external step(time) pays {
        (state, held, paid) = EscrowCore.refundExpired(id, _escrow(), held, time);
        assert(lock && time >= custodyEnd); // without a dispute only an expired burn lock goes back
    }

    function dispute(bytes32 id, Party by, uint256 time) external step(time) {
        (State next, uint8 roundAfter) = EscrowCore.dispute(id, _escrow(), by, time);
        (state, round, party, disputedAt) = (next, roundAfter, by, uint40(time));
        disputes += 1;
        assert(disputes <= EscrowCore.MAX_ROUNDS); // the parties dispute at most MAX_ROUNDS times
        assert(time < custodyEnd); // no dispute at or after the end of custody
        assert(by == Party.Buyer || by == Party.Seller); // only a party
    }

    function hold(bytes32 id, uint256 time) external step(time) {
        (State next, uint8 roundAfter) = EscrowCore.hold(id, _escrow(), time);
        (state, round, disputedAt) = (next, roundAfter, uint40(time));
        party = Party.Arbiter;
        assert(time < custodyEnd); // no hold at or after the end of custody
    }

    function dismiss(bytes32 id) external step(0) {
        state = EscrowCore.dismiss(id, state);
    }

    function resolveRevert(bytes32 id) external step(0) pays {
        (state, held, paid) = EscrowCore.resolveRevert(id, _escrow(), held);
        assert(stateBefore == State.Disputed); // the arbiter decides disputes only
    }

    function resolveSplit(bytes32 id, uint88 buyerAmount) external step(0) pays {
        (State next, uint88 heldAfter, uint88 sellerAmount) =
            EscrowCore.resolveSplit(id, _escrow(), held, buyerAmount);
        (state, held, paid) = (next, heldAfter, uint256(buyerAmount) + sellerAmount);
        assert(stateBefore == State.Disputed); // only a dispute is split
        assert(buyerAmount > 0 && sellerAmount > 0); // both sides of a split get something
    }

    function _invariant() private view returns (bool) {
        return others <= type(uint88).max && totalIn <= type(uint88).max
            && totalOut <= type(uint88).max && held == others + (_isOpen(state) ? amount : 0)
            && totalIn == totalOut + held && paidOut == (_isFinal(state) ? amount : 0)
            && payments == (_isFinal(state) ? 1 : 0) && opened == (state == State.None ? 0 : 1)
            && (state == State.None || amount > 0) && disputes <= round
            && disputes <= EscrowCore.MAX_ROUNDS;
    }

    function _escrow() private view returns (Escrow memory) {
        return Escrow(amount, createdAt, custodyEnd, disputedAt, state, lock, party, round);
    }

    function _isOpen(State s) private pure returns (bool) {
        return s == State.Active || s == State.Disputed;
    }

    function _isFinal(State s) private pure returns (bool) {
        return s == State.Released || s == State.Reverted || s == State.Split;
    }

    function _isEdge(State from, State to) private view returns (bool) {
        return (from == State.None && to == State.Active)
            || (from == State.Active && (to == State.Disputed || to == State.Released))
            || (from == State.Active && to == State.Reverted && lock)
            || (from == State.Disputed
                && (to == State.Active || to == State.Reverted || to == State.Split));
    }
}
