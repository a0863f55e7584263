// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract ViewsTest is EscrowFixture {
    function test_escrows_answers_in_the_order_asked() public {
        create(custody(ID));
        createDisputed(ID3);
        Escrow[] memory list = escrow.escrows(ids(ID3, ID2, ID));
        vm.assertEq(list.length, 3, "length");
        vm.assertEq(uint256(list[0].state), uint256(State.Disputed), "first");
        vm.assertEq(uint256(list[1].state), uint256(State.None), "second");
        vm.assertEq(list[1].amount, 0, "unknown is zero");
        vm.assertEq(uint256(list[2].state), uint256(State.Active), "third");
        vm.assertEq(escrow.escrows(new bytes32[](0)).length, 0, "empty");
    }

    function test_id_is_the_hash_of_four_words() public view {
        bytes16 payment = 0x0192f0c47b8a7c3e9d51a6e2f4b80713;
        // Word by word, not by abi.encode: bytes16 lies on the left of its word, numbers on the right.
        bytes memory words = abi.encodePacked(
            uint256(block.chainid),
            uint256(uint160(address(escrow))),
            payment,
            bytes16(0),
            uint256(7)
        );
        vm.assertEq(words.length, 128, "four words");
        vm.assertEq(escrow.idOf(payment, 7), keccak256(words), "id");
    }

    function test_ids_differ_by_payment_leg_and_contract() public {
        bytes16 payment = 0x0192f0c47b8a7c3e9d51a6e2f4b80713;
        bytes32 id = escrow.idOf(payment, 0);
        vm.assertTrue(id != escrow.idOf(payment, 1), "leg");
        vm.assertTrue(id != escrow.idOf(bytes16(uint128(payment) + 1), 0), "payment");
        vm.assertTrue(id != deploy(IERC20(address(token))).idOf(payment, 0), "contract");
    }

    function test_an_id_never_used_is_all_zero() public view {
        Escrow memory nothing;
        vm.assertEq(
            keccak256(abi.encode(escrow.escrow(ID))), keccak256(abi.encode(nothing)), "zero"
        );
    }

    function testFuzz_two_payments_never_share_an_id(bytes16 a, bytes16 b, uint8 m, uint8 n)
        public
        view
    {
        vm.assume(a != b || m != n);
        vm.assertTrue(escrow.idOf(a, m) != escrow.idOf(b, n), "ids");
    }

    function test_held_counts_active_and_disputed_only() public {
        for (uint8 s = 0; s <= uint8(State.Split); ++s) {
            reach(bytes32(uint256(s) + 1), State(s));
        }
        vm.assertEq(escrow.held(), 2 * uint256(AMOUNT), "held");
    }
}
