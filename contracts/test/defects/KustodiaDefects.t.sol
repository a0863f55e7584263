// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {LegacyBackend, LegacyEscrow} from "../support/LegacyEscrow.sol";
import {Vm, vm} from "../support/Vm.sol";

/// @notice One test for each known defect of the contract in use before and of the back end around it.
/// Each shows first that the scenario goes wrong on the old behaviour, then that ours refuses it. K10,
/// K11 and K16 have a second half in tools/test/defects.test.mjs, over the ABI and the files; K4, K12 and K13 have
/// theirs on the daemon, named there too: what the chain alone cannot show.
contract KustodiaDefectsTest is EscrowFixture {
    string private constant CLABE = "646180157000000004";

    LegacyEscrow private _old;

    function setUp() public override {
        super.setUp();
        _old = new LegacyEscrow(IERC20(address(token)), funder);
        vm.prank(funder);
        token.approve(address(_old), FUNDS / 2);
    }

    /// @dev Release looks at no clock.
    function test_K01_custody_is_enforced_on_the_chain(uint40 time) public {
        time = uint40(between(time, START, END - 1));
        uint256 deal = oldFunded();
        create(custody(ID));
        vm.warp(time);
        vm.prank(funder);
        _old.release(deal);
        expectOld(deal, LegacyEscrow.Status.Released);

        expectError(abi.encodeWithSelector(CustodyRunning.selector, ID, END, time));
        release(ID);
        expectState(ID, State.Active);
    }

    /// @dev A dispute has no time limit and cannot be dismissed.
    function test_K02_a_dispute_has_a_limit_and_can_be_dismissed() public {
        uint256 deal = oldFunded();
        create(custody(ID));
        createDisputed(ID2);
        vm.warp(END + 365 days);
        vm.startPrank(funder);
        _old.dispute(deal);
        expectError(
            abi.encodeWithSelector(LegacyEscrow.WrongStatus.selector, LegacyEscrow.Status.Disputed)
        );
        _old.release(deal);
        vm.stopPrank();

        expectError(abi.encodeWithSelector(CustodyEnded.selector, ID, END, END + 365 days));
        vm.prank(RELAYER);
        escrow.dispute(ID, Party.Buyer, REASON);
        vm.prank(ARBITER);
        escrow.dismiss(ID2, NOTE);
        release(ID2);
        expectState(ID2, State.Released);
    }

    /// @dev Calls that the contract does not have fail without a word. Each of ours is there: a
    /// stranger is told that a role is missing.
    function test_K03_every_call_that_is_made_exists() public {
        (bool done, bytes memory answer) =
            address(_old).call(abi.encodeWithSignature("resolveDispute(uint256,bool)", 0, true));
        vm.assertFalse(done, "the old one has no such call");
        vm.assertEq(answer.length, 0, "and does not say so");

        bytes[13] memory calls = [
            abi.encodeCall(escrow.create, custody(ID)),
            abi.encodeCall(escrow.createMany, new Terms[](1)),
            abi.encodeCall(escrow.createWithAuthorization, (custody(ID), 0, "")),
            abi.encodeCall(escrow.release, ID),
            abi.encodeCall(escrow.releaseMany, ids(ID, ID2, ID3)),
            abi.encodeCall(escrow.refundExpired, ID),
            abi.encodeCall(escrow.dispute, (ID, Party.Buyer, REASON)),
            abi.encodeCall(escrow.hold, (ID, REASON)),
            abi.encodeCall(escrow.dismiss, (ID, NOTE)),
            abi.encodeCall(escrow.resolveRevert, (ID, NOTE)),
            abi.encodeCall(escrow.resolveSplit, (ID, 1, NOTE)),
            abi.encodeCall(escrow.releaseEarly, ID),
            abi.encodeCall(escrow.pause, 1)
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(STRANGER);
            (done, answer) = address(escrow).call(calls[i]);
            vm.assertFalse(done, "a stranger");
            vm.assertEq(
                bytes32(bytes4(answer)),
                bytes32(IAccessControl.AccessControlUnauthorizedAccount.selector),
                "the call is known"
            );
        }
    }

    /// @dev A failed dispute was written down as done.
    function test_K04_a_failed_dispute_leaves_nothing_half_done() public {
        uint256 deal = oldFunded();
        vm.prank(funder);
        _old.release(deal);
        LegacyBackend backend = new LegacyBackend(_old);
        backend.dispute(deal);
        vm.assertTrue(backend.disputed(deal), "the old back end believes in it");
        expectOld(deal, LegacyEscrow.Status.Released);

        reach(ID, State.Released);
        bytes32 before = keccak256(abi.encode(escrow.escrow(ID)));
        expectWrongState(ID, State.Released, State.Active);
        vm.prank(RELAYER);
        escrow.dispute(ID, Party.Buyer, REASON);
        vm.assertEq(keccak256(abi.encode(escrow.escrow(ID))), before, "unchanged");
    }

    /// @dev The owner takes what is in custody.
    function test_K05_nobody_can_rescue_what_is_in_custody(uint88 amount) public {
        amount = uint88(between(amount, 1, AMOUNT));
        oldFunded();
        create(custody(ID));
        vm.prank(funder);
        _old.rescue(amount);
        vm.assertEq(token.balanceOf(address(_old)), AMOUNT - amount, "the old one is drained");

        expectError(abi.encodeWithSelector(RescueAboveSurplus.selector, 0, amount));
        vm.prank(ADMIN);
        escrow.rescue(IERC20(address(token)), STRANGER, amount);
    }

    /// @dev One payment locked twice, on the retry with another deadline.
    function test_K06_a_payment_is_locked_once() public {
        uint256 first = oldFunded();
        uint256 second = oldFunded();
        vm.assertTrue(first != second, "the old one locks it again");
        vm.assertEq(token.balanceOf(address(_old)), 2 * uint256(AMOUNT), "with twice the money");

        bytes32 id = escrow.idOf(bytes16("payment"), 0);
        create(custody(id));
        Terms memory retry = custody(id);
        retry.custodyEnd += 1 days;
        expectError(abi.encodeWithSelector(EscrowExists.selector, id, State.Active));
        create(retry);
        vm.warp(END);
        release(id);
        retry.custodyEnd += 30 days;
        expectError(abi.encodeWithSelector(EscrowExists.selector, id, State.Released));
        create(retry);
    }

    /// @dev Created, never funded, released twice, with the money of others.
    function test_K07_no_escrow_without_its_money_and_no_second_release() public {
        oldFunded();
        oldFunded();
        uint256 unfunded = oldCreated();
        vm.startPrank(funder);
        _old.release(unfunded);
        _old.release(unfunded);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(address(_old)), 0, "the money of two others is gone");

        create(custody(ID2));
        vm.prank(funder);
        token.approve(address(escrow), AMOUNT - 1);
        expectError(
            abi.encodeWithSignature("Error(string)", "ERC20: transfer amount exceeds allowance")
        );
        create(custody(ID));
        vm.warp(END);
        expectWrongState(ID, State.None, State.Active);
        release(ID);
        release(ID2);
        expectWrongState(ID2, State.Released, State.Active);
        release(ID2);
        vm.assertEq(token.balanceOf(PAYOUT), AMOUNT, "paid once");
    }

    /// @dev Ids were handed out by the contract in the order of arrival, and mixed up with others.
    function test_K08_the_id_is_known_before_and_belongs_to_one_payment(
        bytes16 a,
        bytes16 b,
        uint8 legA,
        uint8 legB
    ) public {
        vm.assume(a != b || legA != legB);
        vm.assertEq(oldCreated(), 0, "the old id says when it came");
        vm.assertEq(oldCreated(), 1, "and nothing of the payment");

        bytes32 idA = escrow.idOf(a, legA);
        bytes32 idB = escrow.idOf(b, legB);
        vm.assertTrue(idA != idB, "two payments, two ids");
        create(custody(idB));
        create(custody(idA));
        vm.prank(RELAYER);
        escrow.dispute(idA, Party.Buyer, REASON);
        expectState(idA, State.Disputed);
        expectState(idB, State.Active);
        expectState(bytes32(uint256(1)), State.None);
    }

    /// @dev A pause traps refunds, and the hot key lifts it by itself.
    function test_K09_a_pause_traps_no_refund_and_the_relayer_cannot_lift_it() public {
        uint256 deal = oldFunded();
        vm.startPrank(funder);
        _old.setPaused(true);
        expectError(abi.encodeWithSelector(LegacyEscrow.Paused.selector));
        _old.cancel(deal);
        _old.setPaused(false);
        vm.stopPrank();

        createDisputed(ID);
        createDisputed(ID2);
        create(burnLock(ID3));
        vm.warp(END);
        pause(3);
        vm.startPrank(ARBITER);
        escrow.resolveRevert(ID, NOTE);
        escrow.resolveSplit(ID2, 1, NOTE);
        vm.stopPrank();
        vm.prank(RELAYER);
        escrow.refundExpired(ID3);
        vm.assertEq(escrow.held(), 0, "all went back under the pause");
        expectUnauthorized(RELAYER, bytes32(0));
        vm.prank(RELAYER);
        escrow.unpause();
    }

    /// @dev The account number stood in the log and in storage for ever.
    function test_K10_nothing_personal_is_logged() public {
        vm.recordLogs();
        oldCreated();
        vm.assertTrue(contains(vm.getRecordedLogs()[0].data, bytes(CLABE)), "the old log has it");

        vm.recordLogs();
        create(custody(ID));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].emitter, address(escrow), "our log");
        vm.assertEq(logs[0].data.length, 4 * 32, "four words: amount, end, kind, hash of the terms");
        vm.assertFalse(contains(logs[0].data, bytes(CLABE)), "no account number");
    }

    /// @dev Two addresses in the wrong order were taken. No call of ours that moves money has an
    /// address, and each value arrives where it belongs.
    function test_K11_arguments_cannot_change_places() public {
        vm.prank(funder);
        uint256 deal = _old.create(STRANGER, funder, AMOUNT, END, 0, CLABE);
        (address payer,,,,,,) = _old.deals(deal);
        vm.assertEq(payer, STRANGER, "the old one takes payer for payee");

        Terms memory t = Terms(ID, 11, uint40(START) + 22, true, NOTE);
        expectEvent();
        emit EscrowCreated(ID, funder, 11, START + 22, true, NOTE);
        create(t);
        Escrow memory e = escrow.escrow(ID);
        vm.assertEq(e.amount, 11, "amount");
        vm.assertEq(e.custodyEnd, START + 22, "end");
        (t.id, t.amount, t.custodyEnd) = (ID2, END, uint40(AMOUNT));
        expectError(
            abi.encodeWithSelector(
                EndOutOfRange.selector, ID2, AMOUNT, START + 1, START + escrow.MAX_CUSTODY()
            )
        );
        create(t);
    }

    /// @dev Amounts with 18 decimals in place of 6, and fractions that were rounded.
    function test_K12_amounts_are_whole_units_of_six_decimals(uint88 amount) public {
        amount = uint88(between(amount, 1, FUNDS / 4));
        vm.prank(funder);
        uint256 deal = _old.create(funder, funder, 1500e18, END, 0, CLABE);
        expectOld(deal, LegacyEscrow.Status.Pending);

        vm.assertEq(token.decimals(), 6, "decimals");
        Terms memory t = custody(ID);
        t.amount = 1500e18;
        expectError(
            abi.encodeWithSignature("Error(string)", "ERC20: transfer amount exceeds allowance")
        );
        create(t);
        expectState(ID, State.None);
        t.amount = amount;
        create(t);
        vm.warp(END);
        release(ID);
        vm.assertEq(token.balanceOf(PAYOUT), amount, "to the unit");
    }

    /// @dev An end in another unit is refused, whenever it is: milliseconds do not fit the type, and
    /// smaller mistakes lie beyond the longest custody.
    function test_K13_the_end_is_in_seconds_of_the_chain(uint40 period) public {
        uint256 end = START + between(period, 1, escrow.MAX_CUSTODY());
        vm.prank(funder);
        _old.create(funder, funder, AMOUNT, end * 1000, 0, CLABE);

        bytes memory call = abi.encodePacked(
            escrow.create.selector, abi.encode(ID, AMOUNT, end * 1000, false, TERMS)
        );
        vm.prank(RELAYER);
        (bool done,) = address(escrow).call(call);
        vm.assertFalse(done, "milliseconds do not fit");
        Terms memory t = custody(ID);
        t.custodyEnd = uint40(end * 10);
        expectError(
            abi.encodeWithSelector(
                EndOutOfRange.selector, ID, end * 10, START + 1, START + escrow.MAX_CUSTODY()
            )
        );
        create(t);
        t.custodyEnd = uint40(end);
        create(t);
        vm.warp(end - 1);
        expectError(abi.encodeWithSelector(CustodyRunning.selector, ID, end, end - 1));
        release(ID);
        vm.warp(end);
        release(ID);
    }

    /// @dev Whoever approved the contract could be drained by the bridge's key.
    function test_K14_money_comes_from_the_funder_alone(address victim) public {
        vm.assume(victim > address(0xFFFF) && victim != funder && !token.isBlacklisted(victim));
        vm.assume(victim != address(escrow) && victim != address(_old));
        vm.prank(ADMIN);
        token.mint(victim, 2 * uint256(AMOUNT));
        vm.startPrank(victim);
        token.approve(address(_old), AMOUNT);
        token.approve(address(escrow), AMOUNT);
        vm.stopPrank();
        vm.startPrank(funder);
        _old.fund(_old.create(victim, funder, AMOUNT, END, 0, CLABE));
        vm.stopPrank();
        vm.assertEq(token.balanceOf(victim), AMOUNT, "the old one took it");

        create(custody(ID));
        vm.assertEq(token.balanceOf(victim), AMOUNT, "ours asked the funder");
        vm.prank(funder);
        token.approve(address(escrow), 0);
        expectError(
            abi.encodeWithSignature("Error(string)", "ERC20: transfer amount exceeds allowance")
        );
        create(custody(ID2));
    }

    /// @dev Parts above the amount: the release reverts for ever.
    function test_K15_whatever_is_locked_can_be_paid(uint88 amount, uint88 part) public {
        amount = uint88(between(amount, 2, FUNDS / 4));
        vm.startPrank(funder);
        uint256 deal = _old.create(funder, funder, AMOUNT, END, AMOUNT + 1, CLABE);
        _old.fund(deal);
        vm.warp(END + 365 days);
        (bool done,) = address(_old).call(abi.encodeCall(_old.releaseWithCommission, deal));
        vm.assertFalse(done, "stuck in the old one");
        vm.stopPrank();

        vm.warp(START);
        Terms memory t = custody(ID);
        t.amount = amount;
        create(t);
        t.id = ID2;
        create(t);
        vm.startPrank(ARBITER);
        escrow.hold(ID2, REASON);
        escrow.resolveSplit(ID2, uint88(between(part, 1, amount - 1)), NOTE);
        vm.stopPrank();
        vm.warp(END);
        release(ID);
        vm.assertEq(escrow.held(), 0, "all paid");
    }

    /// @dev A hot key in a document. On the chain: the key that moves money is a role that can be
    /// taken away at once, and a thief moves money to the two wallets only.
    function test_K16_a_key_that_leaked_steals_nothing_and_is_replaced() public {
        uint256 deal = oldFunded();
        vm.prank(funder);
        _old.release(deal);
        vm.assertEq(_old.bridge(), funder, "the old key is for ever");

        create(custody(ID));
        vm.warp(END);
        release(ID);
        vm.assertEq(token.balanceOf(PAYOUT), AMOUNT, "the thief paid the payout wallet");
        bytes32 relayer = escrow.RELAYER();
        vm.prank(ADMIN);
        escrow.revokeRole(relayer, RELAYER);
        expectUnauthorized(RELAYER, relayer);
        create(custody(ID2));
    }

    // -- words ---------------------------------------------------------------------------------

    function release(bytes32 id) private {
        vm.prank(RELAYER);
        escrow.release(id);
    }

    function oldCreated() private returns (uint256) {
        vm.prank(funder);
        return _old.create(funder, funder, AMOUNT, END, 0, CLABE);
    }

    function oldFunded() private returns (uint256 deal) {
        deal = oldCreated();
        vm.prank(funder);
        _old.fund(deal);
    }

    function expectOld(uint256 deal, LegacyEscrow.Status wanted) private view {
        vm.assertEq(uint256(_old.statusOf(deal)), uint256(wanted), "status in the old one");
    }

    function contains(bytes memory text, bytes memory part) private pure returns (bool) {
        for (uint256 i = 0; i + part.length <= text.length; ++i) {
            uint256 j = 0;
            while (j < part.length && text[i + j] == part[j]) ++j;
            if (j == part.length) return true;
        }
        return false;
    }
}
