// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {FeeToken, PlainToken, ReentrantToken, RefusingToken} from "../support/HostileTokens.sol";
import {vm} from "../support/Vm.sol";

contract HostileTokenTest is EscrowFixture {
    /// @dev The token itself holds every role it can hold, so that only the lock stands in its way.
    function test_a_token_that_calls_back_meets_the_lock() public {
        ReentrantToken hostile = new ReentrantToken();
        use(hostile);
        grant(escrow.RELAYER(), address(hostile));
        create(custody(ID2));
        create(custody(ID3));

        bytes[4] memory calls = [
            abi.encodeCall(escrow.create, custody(keccak256("inner"))),
            abi.encodeCall(escrow.release, ID2),
            abi.encodeCall(escrow.releaseMany, ids(ID2, ID3, ID)),
            abi.encodeCall(escrow.refundExpired, ID2)
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            hostile.arm(address(escrow), calls[i]);
            create(custody(bytes32(i + 1)));
            expectLocked(hostile);
        }
        vm.warp(END);
        for (uint256 i = 0; i < calls.length; ++i) {
            hostile.arm(address(escrow), calls[i]);
            vm.prank(RELAYER);
            escrow.release(bytes32(i + 1));
            expectLocked(hostile);
        }
        vm.assertEq(escrow.held(), 2 * uint256(AMOUNT), "held");
        vm.assertEq(hostile.balanceOf(PAYOUT), calls.length * AMOUNT, "paid once each");
    }

    function test_the_lock_covers_the_arbiters_payments() public {
        ReentrantToken hostile = new ReentrantToken();
        use(hostile);
        grant(escrow.ARBITER(), address(hostile));
        createDisputed(ID);
        createDisputed(ID2);
        create(custody(ID3));
        hostile.arm(address(escrow), abi.encodeCall(escrow.resolveRevert, (ID2, NOTE)));
        vm.prank(ARBITER);
        escrow.resolveSplit(ID, 1, NOTE);
        expectLocked(hostile);
        hostile.arm(address(escrow), abi.encodeCall(escrow.releaseEarly, ID3));
        vm.prank(ARBITER);
        escrow.resolveRevert(ID2, NOTE);
        expectLocked(hostile);
        hostile.arm(address(escrow), abi.encodeCall(escrow.resolveSplit, (ID2, 1, NOTE)));
        vm.prank(ARBITER);
        escrow.releaseEarly(ID3);
        expectLocked(hostile);
        vm.assertEq(escrow.held(), 0, "held");
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        FeeToken hostile = new FeeToken();
        use(hostile);
        expectError(abi.encodeWithSelector(InflowShort.selector, AMOUNT - 1, AMOUNT));
        create(custody(ID));

        Terms[] memory ts = new Terms[](2);
        (ts[0], ts[1]) = (custody(ID), custody(ID2));
        uint256 sum = 2 * uint256(AMOUNT);
        expectError(abi.encodeWithSelector(InflowShort.selector, sum - 1, sum));
        vm.prank(RELAYER);
        escrow.createMany(ts);

        expectError(abi.encodeWithSelector(InflowShort.selector, AMOUNT - 1, AMOUNT));
        vm.prank(RELAYER);
        escrow.createWithAuthorization(custody(ID), START + 1, "");
        vm.assertEq(escrow.held(), 0, "held");
    }

    function test_a_token_that_answers_false_is_refused() public {
        RefusingToken hostile = new RefusingToken();
        use(hostile);
        expectError(
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(hostile))
        );
        create(custody(ID));
        vm.assertEq(escrow.held(), 0, "held");
    }

    function use(PlainToken hostile) private {
        hostile.mint(funder, FUNDS);
        escrow = deploy(IERC20(address(hostile)));
    }

    function grant(bytes32 role, address account) private {
        vm.prank(ADMIN);
        escrow.grantRole(role, account);
    }

    function expectLocked(ReentrantToken hostile) private view {
        vm.assertTrue(hostile.tried(), "the token called back");
        vm.assertFalse(hostile.entered(), "the call back got in");
        vm.assertEq(
            bytes32(hostile.answer()),
            bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
            "refused by the lock"
        );
    }
}
