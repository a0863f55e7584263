// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ShiftingToken} from "../support/ShiftingToken.sol";
import {vm} from "../support/Vm.sol";
import {EscrowWitness} from "./EscrowWitness.sol";

/// @notice What can happen to an escrow, one function per kind of event, for the invariant runner to
/// call in any order. Each says beforehand whether the call must go through; the witness judges.
contract EscrowHandler is EscrowWitness {
    address[2] private _extras = [address(0xE1), address(0xE2)];

    function selectors() external pure returns (bytes4[] memory list) {
        list = new bytes4[](22);
        list[0] = this.lock.selector;
        list[1] = this.lockMany.selector;
        list[2] = this.lockSigned.selector;
        list[3] = this.releaseOne.selector;
        list[4] = this.releaseSome.selector;
        list[5] = this.refundLock.selector;
        list[6] = this.disputeOne.selector;
        list[7] = this.holdOne.selector;
        list[8] = this.dismissOne.selector;
        list[9] = this.revertOne.selector;
        list[10] = this.splitOne.selector;
        list[11] = this.releaseOneEarly.selector;
        list[12] = this.passTime.selector;
        list[13] = this.guardianPauses.selector;
        list[14] = this.adminUnpauses.selector;
        list[15] = this.changeWallets.selector;
        list[16] = this.takeSurplus.selector;
        list[17] = this.donate.selector;
        list[18] = this.upsetToken.selector;
        list[19] = this.healToken.selector;
        list[20] = this.changeRoles.selector;
        list[21] = this.tryWithoutRole.selector;
    }

    // -- the relayer ---------------------------------------------------------------------------

    function lock(uint256 seed, uint88 amount, bool burn) external {
        if (made == IDS_MAX) return lockAgain(seed);
        Terms memory t = terms(made + 1, seed, amount, burn);
        note(act(RELAYER, abi.encodeCall(escrow.create, t), mayLock()), 1);
    }

    function lockMany(uint256 seed, uint88 amount, bool burn) external {
        uint256 size = between(seed, 1, 3);
        if (made + size > IDS_MAX) return lockAgain(seed);
        Terms[] memory ts = new Terms[](size);
        for (uint256 i = 0; i < size; ++i) {
            ts[i] = terms(made + 1 + i, seed >> (8 * i), amount, burn != (i == 1));
        }
        note(act(RELAYER, abi.encodeCall(escrow.createMany, ts), mayLock()), size);
    }

    function lockSigned(uint256 seed, uint88 amount, bool burn) external {
        if (made == IDS_MAX) return lockAgain(seed);
        Terms memory t = terms(made + 1, seed, amount, burn);
        // An authorization has no answer to be false about.
        bool wanted = !escrowPaused(1) && healthy(funder, address(escrow)) && covered();
        bytes memory call = abi.encodeCall(escrow.createWithAuthorization, (t, time + 1, ""));
        note(act(RELAYER, call, wanted), 1);
    }

    function lockAgain(uint256 seed) private {
        if (made == 0) return;
        bytes32 id = any(seed);
        act(RELAYER, abi.encodeCall(escrow.create, terms(uint256(id), seed, 1, false)), false);
        saw("used id refused");
    }

    function releaseOne(uint256 seed) external {
        bytes32 id = pick(seed, State.Active);
        act(RELAYER, abi.encodeCall(escrow.release, id), due(id) && mayPay());
    }

    function releaseSome(uint256 seed) external {
        bytes32[] memory list = new bytes32[](between(seed, 1, 5));
        bool some = false;
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = pick(seed >> (16 * i), State.Active);
            if (due(list[i])) some = true;
        }
        act(RELAYER, abi.encodeCall(escrow.releaseMany, list), some && mayPay());
    }

    function refundLock(uint256 seed) external {
        bytes32 id = pick(seed, State.Active);
        Escrow memory e = escrow.escrow(id);
        bool wanted = e.state == State.Active && e.lock && time >= e.custodyEnd;
        act(RELAYER, abi.encodeCall(escrow.refundExpired, id), wanted && sends(escrow.refund()));
    }

    function disputeOne(uint256 seed, uint88 party) external {
        bytes32 id = pick(seed, State.Active);
        if (seed % 16 == 0) wearOut(id);
        Party p = Party(party % 4);
        Escrow memory e = escrow.escrow(id);
        bool wanted = running(e) && e.round < 3 && (p == Party.Buyer || p == Party.Seller);
        act(RELAYER, abi.encodeCall(escrow.dispute, (id, p, bytes32(seed))), wanted);
        if (running(e) && e.round >= 3) saw("rounds used up");
    }

    /// @dev Disputes and dismisses until the parties' rounds are used up.
    function wearOut(bytes32 id) private {
        for (uint256 i = 0; i < 3; ++i) {
            Escrow memory e = escrow.escrow(id);
            bytes memory call = abi.encodeCall(escrow.dispute, (id, Party.Seller, REASON));
            act(RELAYER, call, running(e) && e.round < 3);
            act(ARBITER, abi.encodeCall(escrow.dismiss, (id, NOTE)), disputed(id));
        }
    }

    // -- the arbiter ---------------------------------------------------------------------------

    function holdOne(uint256 seed) external {
        bytes32 id = pick(seed, State.Active);
        bool wanted = running(escrow.escrow(id));
        act(ARBITER, abi.encodeCall(escrow.hold, (id, bytes32(seed))), wanted);
    }

    function dismissOne(uint256 seed) external {
        bytes32 id = pick(seed, State.Disputed);
        act(ARBITER, abi.encodeCall(escrow.dismiss, (id, bytes32(seed))), disputed(id));
    }

    function revertOne(uint256 seed) external {
        bytes32 id = pick(seed, State.Disputed);
        bool wanted = disputed(id) && sends(escrow.refund());
        act(ARBITER, abi.encodeCall(escrow.resolveRevert, (id, bytes32(seed))), wanted);
    }

    function splitOne(uint256 seed, uint88 part) external {
        bytes32 id = pick(seed, State.Disputed);
        uint256 amount = escrow.escrow(id).amount;
        part = uint88(between(part, 0, amount + 1));
        bool wanted = disputed(id) && part > 0 && part < amount;
        wanted = wanted && sends(escrow.refund()) && sends(escrow.payout());
        if (act(ARBITER, abi.encodeCall(escrow.resolveSplit, (id, part, NOTE)), wanted)) {
            check(5, mirror.buyerPart(id) == part, "the buyer's part is another");
        }
    }

    function releaseOneEarly(uint256 seed) external {
        bytes32 id = pick(seed, State.Active);
        Escrow memory e = escrow.escrow(id);
        bool wanted = running(e) && !e.lock && mayPay();
        act(ARBITER, abi.encodeCall(escrow.releaseEarly, id), wanted);
    }

    // -- time, guardian, admin -----------------------------------------------------------------

    function passTime(uint256 seed) external {
        time += seed % 8 == 0 ? 1 : between(seed >> 8, 1, 1 days);
    }

    function guardianPauses(uint256 seed) external {
        uint8 bits = uint8(seed % 5);
        (, uint256 until) = escrow.paused();
        bool wanted = bits > 0 && bits < 4;
        if (!act(GUARDIAN, abi.encodeCall(escrow.pause, bits), wanted)) return;
        (uint8 now_, uint256 end) = escrow.paused();
        check(0, end == (until == 0 ? time + 7 days : until), "a pause ends 7 days after its start");
        check(0, now_ & bits == bits, "the bits are set");
        saw("escrow paused");
    }

    function adminUnpauses(uint256 seed) external {
        if (seed % 2 == 0) act(ADMIN, abi.encodeCall(escrow.unpause, ()), true);
    }

    function changeWallets(uint256 seed) external {
        (,, uint256 from) = escrow.proposedWallets();
        if (from == 0 || seed % 4 == 0) {
            address payout = wallet(seed >> 8);
            address refund = wallet(seed >> 16);
            bool wanted = payout != address(escrow) && refund != address(escrow);
            act(ADMIN, abi.encodeCall(escrow.proposeWallets, (payout, refund)), wanted);
            return;
        }
        bool open = time >= from && time < from + 14 days;
        if (act(ADMIN, abi.encodeCall(escrow.acceptWallets, ()), open)) saw("wallets changed");
    }

    function takeSurplus(uint256 seed, uint88 amount) external {
        uint256 balance = coin.balanceOf(address(escrow));
        uint256 surplus = balance > escrow.held() ? balance - escrow.held() : 0;
        uint256 wanted = between(amount, 1, surplus + 1);
        address to = wallet(seed);
        bool goes = wanted <= surplus && to != address(escrow) && sends(to);
        bytes memory call = abi.encodeCall(escrow.rescue, (IERC20(address(coin)), to, wanted));
        actRescue(ADMIN, call, goes, to, wanted);
        if (goes) saw("surplus rescued");
    }

    function changeRoles(uint256 seed) external {
        bytes32[3] memory roles = [escrow.RELAYER(), escrow.ARBITER(), escrow.GUARDIAN()];
        bytes32 role = roles[seed % 3];
        address who = seed % 7 == 0 ? RELAYER : seed % 7 == 1 ? ARBITER : _extras[(seed >> 8) % 2];
        bool fixed_ = who == RELAYER || who == ARBITER;
        if (!fixed_ && seed % 2 == 0) {
            act(ADMIN, abi.encodeCall(escrow.revokeRole, (role, who)), true);
            holds[role][who] = false;
            return;
        }
        bool clash = (role == roles[0] && holds[roles[1]][who])
            || (role == roles[1] && holds[roles[0]][who]);
        if (act(ADMIN, abi.encodeCall(escrow.grantRole, (role, who)), !clash)) {
            holds[role][who] = true;
            saw("role granted");
        }
        if (clash) saw("role clash refused");
    }

    /// @dev Any account that lacks the role, any call, made as well as it could be: on an escrow in
    /// the state the call is for. The relayer on the arbiter's calls is one of them.
    function tryWithoutRole(uint256 seed) external {
        bytes32 active = pick(seed >> 24, State.Active);
        bytes32 open = pick(seed >> 32, State.Disputed);
        address to = accounts[2 + (seed >> 40) % (accounts.length - 2)];
        bytes[17] memory tries = [
            abi.encodeCall(escrow.create, terms(made + 1, seed, 1, false)),
            abi.encodeCall(escrow.createMany, manyOf(terms(made + 1, seed, 1, false))),
            abi.encodeCall(
                escrow.createWithAuthorization, (terms(made + 1, seed, 1, false), time + 1, "")
            ),
            abi.encodeCall(escrow.release, active),
            abi.encodeCall(escrow.releaseMany, ids(active, open, active)),
            abi.encodeCall(escrow.refundExpired, active),
            abi.encodeCall(escrow.dispute, (active, Party.Buyer, REASON)),
            abi.encodeCall(escrow.hold, (active, REASON)),
            abi.encodeCall(escrow.dismiss, (open, NOTE)),
            abi.encodeCall(escrow.resolveRevert, (open, NOTE)),
            abi.encodeCall(escrow.resolveSplit, (open, 1, NOTE)),
            abi.encodeCall(escrow.releaseEarly, active),
            abi.encodeCall(escrow.pause, uint8(3)),
            abi.encodeCall(escrow.unpause, ()),
            abi.encodeCall(escrow.proposeWallets, (to, to)),
            abi.encodeCall(escrow.acceptWallets, ()),
            abi.encodeCall(escrow.rescue, (IERC20(address(coin)), to, 0))
        ];
        bytes memory call = tries[seed % tries.length];
        bytes32 role = roleOf[bytes4(call)];
        address who = (seed >> 16) % 3 == 0 ? RELAYER : accounts[1 + (seed >> 48) % 12];
        if (holds[role][who]) return;
        act(who, call, false);
        saw(
            who == RELAYER && role == escrow.ARBITER()
                ? "relayer tried to decide"
                : "stranger tried"
        );
    }

    // -- the token and its holders -------------------------------------------------------------

    function donate(uint256 seed) external {
        uint256 amount = seed % 1e18;
        address to = address(escrow);
        if (!sends(to) || coin.blocked(STRANGER) || coin.fee() > 0) return;
        vm.prank(STRANGER);
        // Not by its type: this token may answer with no data.
        (bool done,) = address(coin).call(abi.encodeCall(coin.transfer, (to, amount)));
        if (done) given += amount;
    }

    function upsetToken(uint256 seed) external {
        uint256 kind = seed % 6;
        if (kind == 0) coin.setPaused(true);
        else if (kind == 1) coin.setBlocked(address(escrow), true);
        else if (kind == 2) coin.setBlocked(wallet(seed >> 8), true);
        else if (kind == 3) coin.setFee(1);
        else if (kind == 4) coin.setAnswer(ShiftingToken.Answer.False);
        else coin.setAnswer(ShiftingToken.Answer.Nothing);
    }

    function healToken(uint256 seed) external {
        coin.setPaused(false);
        coin.setAnswer(ShiftingToken.Answer.True);
        if (seed % 2 == 0) coin.setFee(0);
        for (uint256 i = 0; i < accounts.length; ++i) {
            coin.setBlocked(accounts[i], false);
        }
    }

    // -- conditions, in the words of the specification ------------------------------------------

    function terms(uint256 number, uint256 seed, uint88 amount, bool burn)
        private
        view
        returns (Terms memory)
    {
        uint40 end = uint40(time + between(seed >> 128, 1, 4 days));
        amount = uint88(between(amount, 1, 1e18));
        return Terms(bytes32(number), amount, end, burn, bytes32(seed));
    }

    function manyOf(Terms memory t) private pure returns (Terms[] memory ts) {
        ts = new Terms[](1);
        ts[0] = t;
    }

    function note(bool done, uint256 count) private {
        if (done) made += count;
        else saw("lock refused");
    }

    function any(uint256 seed) private view returns (bytes32) {
        return bytes32(1 + seed % made);
    }

    /// @dev Mostly an escrow in that state, when there is one; sometimes any, or one never locked.
    function pick(uint256 seed, State state) private view returns (bytes32) {
        uint256 start = seed % 1024;
        if (seed % 5 > 0) {
            for (uint256 i = 0; i < made; ++i) {
                bytes32 id = bytes32(1 + (start + i) % made);
                if (escrow.escrow(id).state == state) return id;
            }
        }
        return bytes32(1 + start % (made + 1));
    }

    function wallet(uint256 seed) private view returns (address) {
        return accounts[seed % 6];
    }

    function healthy(address from, address to) private view returns (bool) {
        bool free = !coin.blocked(from) && !coin.blocked(to) && !coin.blocked(address(escrow));
        return free && !coin.paused();
    }

    function answers() private view returns (bool) {
        return coin.answer() != ShiftingToken.Answer.False;
    }

    function covered() private view returns (bool) {
        return coin.balanceOf(address(escrow)) >= escrow.held() + coin.fee();
    }

    function escrowPaused(uint256 bit) private view returns (bool) {
        return mirror.pauseBits() & bit != 0 && time < mirror.pauseUntil();
    }

    function mayLock() private view returns (bool) {
        return !escrowPaused(1) && answers() && healthy(funder, address(escrow)) && covered();
    }

    function sends(address to) private view returns (bool) {
        return answers() && healthy(address(escrow), to);
    }

    function mayPay() private view returns (bool) {
        return !escrowPaused(2) && sends(escrow.payout());
    }

    function due(bytes32 id) private view returns (bool) {
        Escrow memory e = escrow.escrow(id);
        return e.state == State.Active && e.lock == (time < e.custodyEnd);
    }

    function running(Escrow memory e) private view returns (bool) {
        return e.state == State.Active && time < e.custodyEnd;
    }

    function disputed(bytes32 id) private view returns (bool) {
        return escrow.escrow(id).state == State.Disputed;
    }
}
