// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {KustodiaEscrow} from "../../src/KustodiaEscrow.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract ConstructTest is EscrowFixture {
    function test_keeps_what_it_was_given() public {
        KustodiaEscrow made =
            construct(abi.encode(IERC20(address(token)), funder, ADMIN, 2 days, PAYOUT, REFUND));
        vm.assertEq(address(made.token()), address(token), "token");
        vm.assertEq(made.funder(), funder, "funder");
        vm.assertEq(made.defaultAdmin(), ADMIN, "admin");
        vm.assertEq(made.defaultAdminDelay(), 2 days, "delay");
        vm.assertEq(made.payout(), PAYOUT, "payout");
        vm.assertEq(made.refund(), REFUND, "refund");
        vm.assertEq(made.held(), 0, "held");
    }

    function test_refuses_a_token_without_code() public {
        expectError(abi.encodeWithSelector(TokenInvalid.selector, STRANGER));
        construct(abi.encode(IERC20(STRANGER), funder, ADMIN, 2 days, PAYOUT, REFUND));
    }

    function test_refuses_funder_zero() public {
        expectError(abi.encodeWithSelector(FunderInvalid.selector, address(0)));
        construct(abi.encode(IERC20(address(token)), address(0), ADMIN, 2 days, PAYOUT, REFUND));
    }

    function test_refuses_wallets_that_would_trap_money() public {
        IERC20 t = IERC20(address(token));
        expectError(abi.encodeWithSelector(WalletInvalid.selector, address(0)));
        construct(abi.encode(t, funder, ADMIN, 2 days, address(0), REFUND));
        expectError(abi.encodeWithSelector(WalletInvalid.selector, address(0)));
        construct(abi.encode(t, funder, ADMIN, 2 days, PAYOUT, address(0)));
        expectError(abi.encodeWithSelector(WalletInvalid.selector, address(token)));
        construct(abi.encode(t, funder, ADMIN, 2 days, address(token), REFUND));
    }

    function test_refuses_itself_as_funder_and_as_wallet() public {
        IERC20 t = IERC20(address(token));
        address self = nextAddress();
        expectError(abi.encodeWithSelector(FunderInvalid.selector, self));
        construct(abi.encode(t, self, ADMIN, 2 days, PAYOUT, REFUND));
        self = nextAddress();
        expectError(abi.encodeWithSelector(WalletInvalid.selector, self));
        construct(abi.encode(t, funder, ADMIN, 2 days, self, REFUND));
        self = nextAddress();
        expectError(abi.encodeWithSelector(WalletInvalid.selector, self));
        construct(abi.encode(t, funder, ADMIN, 2 days, PAYOUT, self));
    }

    function test_logs_the_first_wallets() public {
        vm.expectEmit(true, true, true, true, nextAddress());
        emit WalletsChanged(PAYOUT, REFUND);
        construct(abi.encode(IERC20(address(token)), funder, ADMIN, 2 days, PAYOUT, REFUND));
    }

    /// @dev The embedded environment: one bridge address is funder, relayer and both wallets.
    function test_one_bridge_may_be_funder_relayer_and_both_wallets() public {
        escrow =
            construct(abi.encode(IERC20(address(token)), funder, ADMIN, 2 days, funder, funder));
        bytes32 relayer = escrow.RELAYER();
        bytes32 arbiter = escrow.ARBITER();
        vm.startPrank(ADMIN);
        escrow.grantRole(relayer, funder);
        escrow.grantRole(arbiter, ARBITER);
        vm.stopPrank();
        vm.startPrank(funder);
        token.approve(address(escrow), FUNDS);
        escrow.create(custody(ID));
        escrow.create(custody(ID2));
        vm.stopPrank();
        vm.startPrank(ARBITER);
        escrow.hold(ID2, REASON);
        escrow.resolveSplit(ID2, 1, NOTE);
        vm.stopPrank();
        vm.warp(END);
        vm.prank(funder);
        escrow.release(ID);
        vm.assertEq(token.balanceOf(funder), FUNDS, "all money is back");
        vm.assertEq(escrow.held(), 0, "held");
    }

    /// @dev Where the next escrow will lie: one is made there and taken back.
    function nextAddress() private returns (address made) {
        uint256 state = vm.snapshotState();
        made = address(
            construct(abi.encode(IERC20(address(token)), funder, ADMIN, 2 days, PAYOUT, REFUND))
        );
        vm.revertToState(state);
    }
}
