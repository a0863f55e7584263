// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNBBase} from "../../src/TestMXNBBase.sol";
import {TokenFixture} from "../support/TokenFixture.sol";
import {vm} from "../support/Vm.sol";

contract TransferTest is TokenFixture {
    function test_face() public view {
        vm.assertEq(token.name(), "MXNB", "name");
        vm.assertEq(token.symbol(), "MXNB", "symbol");
        vm.assertEq(token.version(), "2", "version");
        vm.assertEq(token.decimals(), 6, "decimals");
    }

    function test_transfer_moves_and_logs() public {
        expectEvent();
        emit TestMXNBBase.Transfer(alice, BOB, 7);
        vm.prank(alice);
        vm.assertTrue(token.transfer(BOB, 7), "answer");
        expectBalances(FUNDS - 7, 7);
    }

    function test_transfer_to_oneself_changes_nothing() public {
        vm.prank(alice);
        token.transfer(alice, FUNDS);
        expectBalances(FUNDS, 0);
    }

    function test_transfer_refuses_more_than_the_balance() public {
        vm.prank(alice);
        expectRevert("ERC20: transfer amount exceeds balance");
        token.transfer(BOB, FUNDS + 1);
    }

    function test_transfer_refuses_the_zero_address() public {
        vm.prank(alice);
        expectRevert("ERC20: transfer to the zero address");
        token.transfer(address(0), 1);
    }

    function test_transfer_from_uses_the_allowance_up() public {
        vm.prank(alice);
        token.approve(CAROL, 10);
        vm.prank(CAROL);
        vm.assertTrue(token.transferFrom(alice, BOB, 7), "answer");
        vm.assertEq(token.allowance(alice, CAROL), 3, "allowance");
        vm.prank(CAROL);
        expectRevert("ERC20: transfer amount exceeds allowance");
        token.transferFrom(alice, BOB, 4);
        expectBalances(FUNDS - 7, 7);
    }

    function test_the_largest_allowance_is_used_up_too() public {
        vm.prank(alice);
        token.approve(CAROL, type(uint256).max);
        vm.prank(CAROL);
        token.transferFrom(alice, BOB, 7);
        vm.assertEq(token.allowance(alice, CAROL), type(uint256).max - 7, "allowance");
    }

    function test_allowances_go_up_and_down() public {
        vm.startPrank(alice);
        token.increaseAllowance(CAROL, 10);
        token.decreaseAllowance(CAROL, 4);
        vm.assertEq(token.allowance(alice, CAROL), 6, "allowance");
        expectRevert("ERC20: decreased allowance below zero");
        token.decreaseAllowance(CAROL, 7);
        expectRevert("ERC20: approve to the zero address");
        token.approve(address(0), 1);
        vm.stopPrank();
    }

    function test_pause_stops_transfers_and_approvals() public {
        vm.prank(alice);
        token.approve(CAROL, 10);
        pauseToken();
        vm.startPrank(alice);
        expectRevert("Pausable: paused");
        token.transfer(BOB, 1);
        expectRevert("Pausable: paused");
        token.approve(CAROL, 1);
        expectRevert("Pausable: paused");
        token.increaseAllowance(CAROL, 1);
        expectRevert("Pausable: paused");
        token.decreaseAllowance(CAROL, 1);
        vm.stopPrank();
        vm.prank(CAROL);
        expectRevert("Pausable: paused");
        token.transferFrom(alice, BOB, 1);
        vm.prank(OWNER);
        token.unpause();
        vm.prank(CAROL);
        token.transferFrom(alice, BOB, 1);
        expectBalances(FUNDS - 1, 1);
    }

    function test_a_blocked_account_neither_sends_nor_receives() public {
        address[2] memory parties = [alice, BOB];
        for (uint256 i = 0; i < 2; ++i) {
            blacklist(parties[i]);
            vm.prank(alice);
            expectRevert("Blacklistable: account is blacklisted");
            token.transfer(BOB, 1);
            vm.prank(OWNER);
            token.unBlacklist(parties[i]);
        }
        vm.prank(alice);
        token.transfer(BOB, 1);
        expectBalances(FUNDS - 1, 1);
    }

    function test_transfer_from_checks_caller_payer_and_payee() public {
        vm.prank(alice);
        token.approve(CAROL, 10);
        address[3] memory parties = [CAROL, alice, BOB];
        for (uint256 i = 0; i < 3; ++i) {
            blacklist(parties[i]);
            vm.prank(CAROL);
            expectRevert("Blacklistable: account is blacklisted");
            token.transferFrom(alice, BOB, 1);
            vm.prank(OWNER);
            token.unBlacklist(parties[i]);
        }
        expectBalances(FUNDS, 0);
    }

    function test_a_blocked_account_may_still_approve() public {
        blacklist(alice);
        vm.prank(alice);
        vm.assertTrue(token.approve(CAROL, 5), "as in FiatToken v2.2");
    }

    function test_the_token_itself_is_blocked() public {
        vm.assertTrue(token.isBlacklisted(address(token)), "flag");
        vm.prank(alice);
        expectRevert("Blacklistable: account is blacklisted");
        token.transfer(address(token), 1);
    }

    function testFuzz_supply_is_the_sum_of_balances(uint256 amount) public {
        amount = amount % (FUNDS + 1);
        vm.prank(alice);
        token.transfer(BOB, amount);
        expectBalances(FUNDS - amount, amount);
        vm.assertEq(token.totalSupply(), FUNDS, "supply");
    }

    function test_balance_and_blocklist_share_slot_9_of_the_account() public {
        bytes32 slot = keccak256(abi.encode(alice, uint256(9)));
        vm.assertEq(uint256(vm.load(address(token), slot)), FUNDS, "balance alone");
        blacklist(alice);
        vm.assertEq(uint256(vm.load(address(token), slot)), FUNDS + 2 ** 255, "and the top bit");
        vm.assertEq(token.balanceOf(alice), FUNDS, "the balance is read without it");
        vm.prank(OWNER);
        token.unBlacklist(alice);
        vm.assertEq(uint256(vm.load(address(token), slot)), FUNDS, "balance alone again");
    }

    function test_sums_beyond_the_largest_number_have_the_older_words() public {
        vm.startPrank(alice);
        token.approve(CAROL, type(uint256).max);
        expectRevert("SafeMath: addition overflow");
        token.increaseAllowance(CAROL, 1);
        vm.stopPrank();
        vm.prank(OWNER);
        token.configureMinter(MINTER, type(uint256).max);
        vm.startPrank(MINTER);
        expectRevert("SafeMath: addition overflow");
        token.mint(BOB, type(uint256).max);
        expectRevert("FiatTokenV2_2: Balance exceeds (2^255 - 1)");
        token.mint(BOB, 2 ** 255);
        vm.stopPrank();
    }

    function test_a_blocked_spender_may_still_be_approved() public {
        blacklist(CAROL);
        vm.prank(alice);
        vm.assertTrue(token.approve(CAROL, 5), "as in FiatToken v2.2");
    }
}
