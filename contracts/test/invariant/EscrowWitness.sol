// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {KustodiaEscrow} from "../../src/KustodiaEscrow.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {LogMirror} from "../support/LogMirror.sol";
import {ShiftingToken} from "../support/ShiftingToken.sol";
import {Vm, vm} from "../support/Vm.sol";

/// @notice Makes one call to the escrow, looks at everything before and after it, and writes down
/// each rule that did not hold. The rules are the nine invariants; rule 0 is liveness: a call whose
/// conditions are met goes through, and no other does.
abstract contract EscrowWitness is EscrowFixture {
    uint256 internal constant IDS_MAX = 12;
    uint256 internal constant PURSE = 1e24;

    struct Scene {
        Escrow[] list;
        uint256[] balances;
        uint256 held;
        uint256 fees;
        bytes32 settings;
    }

    ShiftingToken public coin;
    LogMirror public mirror;
    uint256 public time = START;
    /// @notice How many ids were ever locked; they are 1..made.
    uint256 public made;

    // What the calls so far must have led to.
    uint256 private _pulled;
    uint256 private _paid;
    uint256 internal given;
    uint256 private _spent;
    uint256[IDS_MAX] private _paidOut;
    uint256[IDS_MAX] private _timesPaid;

    /// @notice How many calls were made to the escrow.
    uint256 public calls;
    uint256 private _brokenRule;
    string private _broken;
    /// @notice How often something was seen, for the proof that a run gets there.
    mapping(string what => uint256) public seen;

    address[] internal accounts;
    mapping(bytes32 role => mapping(address => bool)) internal holds;
    mapping(bytes4 selector => bytes32) internal roleOf;

    // Money expected to move apart from escrows: set by a rescue only.
    address private _rescueTo;
    uint256 private _rescueAmount;

    function setUp() public virtual override {
        vm.warp(time);
        coin = new ShiftingToken();
        vm.recordLogs();
        escrow = deploy(IERC20(address(coin)));
        mirror = new LogMirror(address(escrow));
        mirror.feed(vm.getRecordedLogs());
        accounts = [address(escrow), funder, PAYOUT, REFUND, address(0x9A02), address(0x4E02)];
        address[7] memory others =
            [ADMIN, RELAYER, ARBITER, GUARDIAN, STRANGER, address(0xE1), address(0xE2)];
        for (uint256 i = 0; i < others.length; ++i) {
            accounts.push(others[i]);
        }
        for (uint256 i = 1; i < accounts.length; ++i) {
            coin.mint(accounts[i], PURSE);
        }
        holds[escrow.DEFAULT_ADMIN_ROLE()][ADMIN] = true;
        holds[escrow.RELAYER()][RELAYER] = true;
        holds[escrow.ARBITER()][ARBITER] = true;
        holds[escrow.GUARDIAN()][GUARDIAN] = true;
        nameRoles();
    }

    function nameRoles() private {
        bytes4[7] memory relayer = [
            escrow.create.selector,
            escrow.createMany.selector,
            escrow.createWithAuthorization.selector,
            escrow.release.selector,
            escrow.releaseMany.selector,
            escrow.refundExpired.selector,
            escrow.dispute.selector
        ];
        bytes4[5] memory arbiter = [
            escrow.hold.selector,
            escrow.dismiss.selector,
            escrow.resolveRevert.selector,
            escrow.resolveSplit.selector,
            escrow.releaseEarly.selector
        ];
        for (uint256 i = 0; i < relayer.length; ++i) {
            roleOf[relayer[i]] = escrow.RELAYER();
        }
        for (uint256 i = 0; i < arbiter.length; ++i) {
            roleOf[arbiter[i]] = escrow.ARBITER();
        }
        roleOf[escrow.pause.selector] = escrow.GUARDIAN();
    }

    // -- what the invariants read --------------------------------------------------------------

    function target() external view returns (KustodiaEscrow) {
        return escrow;
    }

    function locked() external view returns (bytes32[] memory list) {
        list = new bytes32[](made);
        for (uint256 i = 0; i < made; ++i) {
            list[i] = bytes32(i + 1);
        }
    }

    function account(uint256 i) external view returns (address) {
        return accounts[i];
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    /// @notice Pulled from the funder, paid of escrows, given by strangers, and how much of what was
    /// given is spent: rescued, or fees it covered.
    function totals()
        external
        view
        returns (uint256 pulled, uint256 paid, uint256 given_, uint256 spent)
    {
        return (_pulled, _paid, given, _spent);
    }

    /// @notice How often each id was paid out, and how much for it.
    function payments()
        external
        view
        returns (uint256[IDS_MAX] memory times, uint256[IDS_MAX] memory amounts)
    {
        return (_timesPaid, _paidOut);
    }

    /// @notice Number of the first rule that broke, and what happened; empty if none did.
    function firstBreach() external view returns (uint256 rule, string memory what) {
        return (_brokenRule, _broken);
    }

    // -- the one call --------------------------------------------------------------------------

    /// @param wanted whether the call must go through now.
    function act(address who, bytes memory call, bool wanted) internal returns (bool done) {
        vm.warp(time);
        ++calls;
        Scene memory before = scene();
        vm.recordLogs();
        vm.prank(who);
        (done,) = address(escrow).call(call);
        // The recorder also keeps the logs of a call that reverted; a chain does not.
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (done) mirror.feed(logs);
        Scene memory later = scene();
        check(0, done == wanted, wanted ? "a due call was refused" : "a wrong call went through");
        if (!done) {
            check(3, same(before, later), "a refused call changed something");
            return false;
        }
        bytes4 selector = bytes4(call);
        check(6, holds[roleOf[selector]][who], "a call by somebody without the role");
        judgeEdges(before, later, holds[escrow.RELAYER()][who], selector);
        judgeMoney(before, later);
    }

    function actRescue(address who, bytes memory call, bool wanted, address to, uint256 amount)
        internal
    {
        (_rescueTo, _rescueAmount) = (to, amount);
        if (act(who, call, wanted)) _spent += amount;
        (_rescueTo, _rescueAmount) = (address(0), 0);
    }

    function scene() internal view returns (Scene memory s) {
        bytes32[] memory all = new bytes32[](IDS_MAX);
        for (uint256 i = 0; i < IDS_MAX; ++i) {
            all[i] = bytes32(i + 1);
        }
        s.list = escrow.escrows(all);
        s.balances = coin.balancesOf(accounts);
        s.held = escrow.held();
        s.fees = coin.totalSupply();
        s.settings = settings();
    }

    function settings() private view returns (bytes32) {
        (uint8 bits, uint256 until) = escrow.paused();
        (address payout, address refund, uint256 from) = escrow.proposedWallets();
        return
            keccak256(
                abi.encode(bits, until, payout, refund, from, escrow.payout(), escrow.refund())
            );
    }

    function same(Scene memory a, Scene memory b) private pure returns (bool) {
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }

    // -- edges ---------------------------------------------------------------------------------

    function judgeEdges(Scene memory a, Scene memory b, bool byRelayer, bytes4 selector) private {
        for (uint256 i = 0; i < a.list.length; ++i) {
            Escrow memory e = a.list[i];
            Escrow memory f = b.list[i];
            if (keccak256(abi.encode(e)) == keccak256(abi.encode(f))) continue;
            bytes32 id = bytes32(i + 1);
            if (e.state != State.None) {
                bool kept = e.amount == f.amount && e.createdAt == f.createdAt
                    && e.custodyEnd == f.custodyEnd && e.lock == f.lock;
                check(4, kept, "amount, times or kind changed");
            }
            if (e.state == State.None) judgeNew(f, byRelayer);
            else if (e.state == State.Active) judgeActive(id, e, f, byRelayer, selector);
            else judgeDisputed(e, f, byRelayer);
        }
    }

    function judgeNew(Escrow memory f, bool byRelayer) private {
        check(4, f.state == State.Active && f.amount > 0, "a new escrow is active");
        check(6, byRelayer, "only the relayer locks");
        check(7, f.createdAt == time && f.custodyEnd > time, "a new escrow ends later");
        check(4, f.round == 0 && f.disputedAt == 0 && f.party == Party.None, "no dispute yet");
        saw(f.lock ? "burn lock made" : "custody made");
    }

    function judgeActive(
        bytes32 id,
        Escrow memory e,
        Escrow memory f,
        bool byRelayer,
        bytes4 selector
    ) private {
        bool ended = time >= e.custodyEnd;
        if (f.state == State.Disputed) {
            check(7, !ended, "disputed at or after the end");
            check(4, f.round == e.round + 1 && f.disputedAt == time, "round and time of a dispute");
            check(6, byRelayer != (f.party == Party.Arbiter), "a dispute in another's name");
            saw(byRelayer ? "disputed" : "held");
        } else if (f.state == State.Released) {
            bool early = selector == escrow.releaseEarly.selector;
            check(7, early ? !ended && !e.lock : e.lock != ended, "released at the wrong time");
            check(6, byRelayer != early, "released by the wrong role");
            check(7, mirror.early(id) == early, "the log says when it was early");
            saw(early ? "released early" : e.lock ? "lock released" : "custody released");
        } else {
            check(4, f.state == State.Reverted, "an edge that does not exist leaves Active");
            check(7, e.lock && ended, "refunded before the end, or custody");
            check(6, byRelayer, "refunded by another than the relayer");
            saw("lock refunded");
        }
    }

    function judgeDisputed(Escrow memory e, Escrow memory f, bool byRelayer) private {
        bool open = e.state == State.Disputed;
        check(4, open, "a final escrow changed");
        bool decided =
            f.state == State.Active || f.state == State.Reverted || f.state == State.Split;
        check(4, decided, "an edge that does not exist leaves Disputed");
        check(6, !byRelayer, "the relayer decided a dispute");
        saw(f.state == State.Active ? "dismissed" : f.state == State.Split ? "split" : "reverted");
    }

    // -- money ---------------------------------------------------------------------------------

    /// @dev Every balance is what the edges of this call explain, to the unit.
    function judgeMoney(Scene memory a, Scene memory b) private {
        uint256[] memory wanted = a.balances;
        uint256 opened = 0;
        uint256 closed = 0;
        (uint256 toPayout, uint256 toRefund) = (0, 0);
        for (uint256 i = 0; i < a.list.length; ++i) {
            (State s, State t) = (a.list[i].state, b.list[i].state);
            if (s == t) continue;
            uint256 amount = b.list[i].amount;
            if (s == State.None) opened += amount;
            if (t <= State.Disputed) continue;
            closed += amount;
            uint256 buyer = t == State.Reverted ? amount : mirror.buyerPart(bytes32(i + 1));
            toRefund += buyer;
            toPayout += amount - buyer;
            _paidOut[i] += amount;
            _timesPaid[i] += 1;
        }
        check(2, a.held + opened - closed == b.held, "held moved by something else");
        _pulled += opened;
        _paid += closed;
        uint256 fee = coin.fee();
        if (opened > 0) _spent += fee;
        wanted[1] -= opened;
        wanted[0] = wanted[0] + opened - (opened > 0 ? fee : 0) - closed - _rescueAmount;
        credit(wanted, escrow.payout(), toPayout, fee);
        credit(wanted, escrow.refund(), toRefund, fee);
        credit(wanted, _rescueTo, _rescueAmount, fee);
        for (uint256 i = 0; i < wanted.length; ++i) {
            check(i < 2 ? 3 : 8, wanted[i] == b.balances[i], "a balance nothing explains");
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < wanted.length; ++i) {
            sum += b.balances[i];
        }
        check(8, sum == coin.totalSupply(), "money went to an account nobody knows");
        if (opened > 0 && fee > 0) saw("fee covered by a donation");
    }

    function credit(uint256[] memory wanted, address to, uint256 amount, uint256 fee) private view {
        if (amount == 0) return;
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (accounts[i] == to) wanted[i] += amount - fee;
        }
    }

    // -- notes ---------------------------------------------------------------------------------

    function check(uint256 rule, bool good, string memory what) internal {
        if (!good && bytes(_broken).length == 0) (_brokenRule, _broken) = (rule, what);
    }

    function saw(string memory what) internal {
        seen[what] += 1;
    }
}
