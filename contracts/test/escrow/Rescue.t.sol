// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {TestMXNB} from "../../src/TestMXNB.sol";
import {Deployed} from "../support/Deployed.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract RescueTest is EscrowFixture {
    function test_never_reaches_held_money() public {
        create(custody(ID));
        createDisputed(ID2);
        expectError(abi.encodeWithSelector(RescueAboveSurplus.selector, 0, 1));
        rescue(token, STRANGER, 1);
        expectMoney(2 * uint256(AMOUNT), 0, 0);
    }

    function test_takes_the_surplus_and_not_one_unit_more() public {
        create(custody(ID));
        vm.prank(funder);
        token.transfer(address(escrow), 10);
        expectError(abi.encodeWithSelector(RescueAboveSurplus.selector, 10, 11));
        rescue(token, STRANGER, 11);
        expectEvent();
        emit Rescued(address(token), STRANGER, 10);
        rescue(token, STRANGER, 10);
        vm.assertEq(token.balanceOf(STRANGER), 10, "rescued");
        vm.assertEq(token.balanceOf(address(escrow)), AMOUNT, "balance");
        vm.assertEq(escrow.held(), AMOUNT, "held");
    }

    function test_takes_any_amount_of_another_token() public {
        create(custody(ID));
        TestMXNB other = TestMXNB(Deployed.create("TestMXNB", abi.encode(ADMIN)));
        vm.startPrank(ADMIN);
        other.configureMinter(ADMIN, 5);
        other.mint(address(escrow), 5);
        vm.stopPrank();
        rescue(other, STRANGER, 5);
        vm.assertEq(other.balanceOf(STRANGER), 5, "rescued");
        expectMoney(AMOUNT, 0, 0);
    }

    function test_refuses_a_target_that_would_trap_money() public {
        address[3] memory wrong = [address(0), address(escrow), address(token)];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectError(abi.encodeWithSelector(WalletInvalid.selector, wrong[i]));
            rescue(token, wrong[i], 0);
        }
    }

    function testFuzz_takes_at_most_the_donation(uint88 donation, uint256 wanted) public {
        create(custody(ID));
        donation = uint88(between(donation, 0, FUNDS - AMOUNT));
        wanted = between(wanted, 0, FUNDS);
        vm.prank(funder);
        token.transfer(address(escrow), donation);
        if (wanted > donation) {
            expectError(abi.encodeWithSelector(RescueAboveSurplus.selector, donation, wanted));
        }
        rescue(token, STRANGER, wanted);
        vm.assertTrue(token.balanceOf(address(escrow)) >= escrow.held(), "held is covered");
    }

    function rescue(TestMXNB what, address to, uint256 amount) private {
        vm.prank(ADMIN);
        escrow.rescue(IERC20(address(what)), to, amount);
    }
}
