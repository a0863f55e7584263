// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {Vm, vm} from "../support/Vm.sol";

contract CreateManyTest is EscrowFixture {
    function test_locks_all_with_one_pull_of_the_sum() public {
        Terms[] memory ts = three();
        vm.recordLogs();
        createMany(ts);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 4, "three escrows and one transfer");
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(logs[i].topics[0], EscrowCreated.selector, "EscrowCreated");
            vm.assertEq(logs[i].topics[1], ts[i].id, "id");
            vm.assertEq(escrow.escrow(ts[i].id).amount, ts[i].amount, "amount");
        }
        vm.assertEq(logs[3].emitter, address(token), "token's transfer");
        vm.assertEq(abi.decode(logs[3].data, (uint256)), 6 * uint256(AMOUNT), "sum");
        expectMoney(6 * uint256(AMOUNT), 0, 0);
    }

    function test_one_used_id_refuses_the_batch() public {
        create(custody(ID2));
        expectError(abi.encodeWithSelector(EscrowExists.selector, ID2, State.Active));
        createMany(three());
        expectState(ID, State.None);
        expectState(ID3, State.None);
        expectMoney(AMOUNT, 0, 0);
    }

    function test_the_same_id_twice_refuses_the_batch() public {
        Terms[] memory ts = three();
        ts[2].id = ID;
        expectError(abi.encodeWithSelector(EscrowExists.selector, ID, State.Active));
        createMany(ts);
        expectState(ID, State.None);
    }

    function test_one_bad_entry_refuses_the_batch() public {
        Terms[] memory ts = three();
        ts[1].amount = 0;
        expectError(abi.encodeWithSelector(AmountZero.selector, ID2));
        createMany(ts);
        expectMoney(0, 0, 0);
    }

    function test_allowance_below_the_sum_refuses_the_batch() public {
        vm.prank(funder);
        token.approve(address(escrow), 6 * uint256(AMOUNT) - 1);
        expectError(
            abi.encodeWithSignature("Error(string)", "ERC20: transfer amount exceeds allowance")
        );
        createMany(three());
        expectMoney(0, 0, 0);
    }

    function test_refuses_an_empty_batch() public {
        expectError(abi.encodeWithSelector(BatchSize.selector, 0, 500));
        createMany(new Terms[](0));
    }

    function test_takes_the_largest_batch_and_refuses_one_more() public {
        uint256 max = escrow.MAX_BATCH();
        expectError(abi.encodeWithSelector(BatchSize.selector, max + 1, max));
        createMany(batch(max + 1));
        createMany(batch(max));
        expectMoney(max, 0, 0);
    }

    function test_stops_while_creates_are_paused() public {
        pause(escrow.PAUSE_CREATE());
        expectPaused(1);
        createMany(three());
    }

    function testFuzz_held_is_the_sum(uint88[] calldata amounts) public {
        vm.assume(amounts.length > 0 && amounts.length <= 20);
        Terms[] memory ts = new Terms[](amounts.length);
        uint256 sum = 0;
        for (uint256 i = 0; i < ts.length; ++i) {
            ts[i] = custody(bytes32(i + 1));
            ts[i].amount = uint88(between(amounts[i], 1, FUNDS / 20));
            sum += ts[i].amount;
        }
        createMany(ts);
        expectMoney(sum, 0, 0);
    }

    function testFuzz_one_bad_entry_anywhere_refuses_all(uint256 size, uint256 place, uint8 kind)
        public
    {
        size = between(size, 1, 30);
        place = between(place, 0, size - 1);
        Terms[] memory ts = batch(size);
        if (kind % 4 == 0) ts[place].amount = 0;
        else if (kind % 4 == 1) ts[place].custodyEnd = uint40(START);
        else if (kind % 4 == 2) ts[place].id = bytes32(0);
        else create(ts[place]);
        vm.prank(RELAYER);
        (bool done,) = address(escrow).call(abi.encodeCall(escrow.createMany, ts));
        vm.assertFalse(done, "the batch went through");
        expectMoney(kind % 4 == 3 ? 1 : 0, 0, 0);
    }

    function three() private pure returns (Terms[] memory ts) {
        ts = new Terms[](3);
        (ts[0], ts[1], ts[2]) = (custody(ID), custody(ID2), burnLock(ID3));
        ts[1].amount = 2 * AMOUNT;
        ts[2].amount = 3 * AMOUNT;
    }

    function batch(uint256 size) private pure returns (Terms[] memory ts) {
        ts = new Terms[](size);
        for (uint256 i = 0; i < size; ++i) {
            ts[i] = custody(bytes32(i + 1));
            ts[i].amount = 1;
        }
    }

    function createMany(Terms[] memory ts) private {
        vm.prank(RELAYER);
        escrow.createMany(ts);
    }
}
