// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {Vm, vm} from "../support/Vm.sol";

contract ReleaseManyTest is EscrowFixture {
    function test_pays_all_with_one_transfer_of_the_sum() public {
        create(custody(ID));
        create(custody(ID2));
        create(custody(ID3));
        vm.warp(END);
        vm.recordLogs();
        vm.assertEq(releaseMany(ids(ID, ID2, ID3)), 3, "released");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 4, "three releases and one transfer");
        bytes32[] memory list = ids(ID, ID2, ID3);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(logs[i].topics[0], EscrowReleased.selector, "EscrowReleased");
            vm.assertEq(logs[i].topics[1], list[i], "id");
            expectState(list[i], State.Released);
        }
        vm.assertEq(logs[3].emitter, address(token), "token's transfer");
        expectMoney(0, 3 * uint256(AMOUNT), 0);
    }

    function test_passes_over_a_disputed_entry() public {
        create(custody(ID));
        createDisputed(ID2);
        create(custody(ID3));
        vm.warp(END);
        vm.assertEq(releaseMany(ids(ID, ID2, ID3)), 2, "released");
        expectState(ID2, State.Disputed);
        expectMoney(AMOUNT, 2 * uint256(AMOUNT), 0);
    }

    function test_passes_over_an_entry_not_due() public {
        create(custody(ID));
        Terms memory later = custody(ID2);
        later.custodyEnd = END + 1;
        create(later);
        create(burnLock(ID3));
        vm.warp(END);
        vm.assertEq(releaseMany(ids(ID, ID2, ID3)), 1, "released");
        expectState(ID2, State.Active);
        expectState(ID3, State.Active);
        expectMoney(2 * uint256(AMOUNT), AMOUNT, 0);
    }

    function test_passes_over_unknown_and_final_entries() public {
        reach(ID2, State.Released);
        create(custody(ID));
        vm.warp(END);
        vm.assertEq(releaseMany(ids(ID, ID2, ID3)), 1, "released");
        expectState(ID3, State.None);
        expectMoney(0, 2 * uint256(AMOUNT), 0);
    }

    function test_pays_an_entry_named_twice_once() public {
        create(custody(ID));
        create(custody(ID2));
        vm.warp(END);
        vm.assertEq(releaseMany(ids(ID, ID, ID)), 1, "released");
        expectMoney(AMOUNT, AMOUNT, 0);
    }

    function test_reverts_when_nothing_is_payable() public {
        create(custody(ID));
        createDisputed(ID2);
        expectError(abi.encodeWithSelector(NothingPayable.selector, 3));
        releaseMany(ids(ID, ID2, ID3));
    }

    function test_refuses_empty_and_oversized_batches() public {
        uint256 max = escrow.MAX_BATCH();
        expectError(abi.encodeWithSelector(BatchSize.selector, 0, max));
        releaseMany(new bytes32[](0));
        expectError(abi.encodeWithSelector(BatchSize.selector, max + 1, max));
        releaseMany(new bytes32[](max + 1));
    }

    function test_stops_while_payouts_are_paused() public {
        create(custody(ID));
        vm.warp(END);
        pause(escrow.PAUSE_PAYOUT());
        expectPaused(2);
        releaseMany(ids(ID, ID2, ID3));
    }

    function test_a_blocked_wallet_changes_nothing() public {
        create(custody(ID));
        vm.warp(END);
        vm.prank(ADMIN);
        token.blacklist(PAYOUT);
        expectError(
            abi.encodeWithSignature("Error(string)", "Blacklistable: account is blacklisted")
        );
        releaseMany(ids(ID, ID2, ID3));
        expectState(ID, State.Active);
        expectMoney(AMOUNT, 0, 0);
    }

    /// @dev Any mix of kinds and disputes: exactly what is payable is paid.
    function testFuzz_pays_what_is_payable(uint256 seed, uint40 time) public {
        time = uint40(between(time, START, uint256(END) + 1 days));
        bytes32[] memory list = new bytes32[](16);
        uint256 due = 0;
        for (uint256 i = 0; i < list.length; ++i) {
            uint256 kind = (seed >> (2 * i)) & 3;
            list[i] = bytes32(i + 1);
            if (kind == 0) create(custody(list[i]));
            if (kind == 1) create(burnLock(list[i]));
            if (kind == 2) createDisputed(list[i]);
            if ((kind == 0 && time >= END) || (kind == 1 && time < END)) ++due;
        }
        uint256 held = escrow.held();
        vm.warp(time);
        if (due == 0) {
            expectError(abi.encodeWithSelector(NothingPayable.selector, list.length));
            releaseMany(list);
        } else {
            vm.assertEq(releaseMany(list), due, "released");
        }
        expectMoney(held - due * AMOUNT, due * AMOUNT, 0);
    }

    function releaseMany(bytes32[] memory list) private returns (uint256) {
        vm.prank(RELAYER);
        return escrow.releaseMany(list);
    }
}
