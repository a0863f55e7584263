// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

interface GasVm {
    /// @notice What the last call used; tools/gas.mjs finds it in forge's answer.
    function snapshotGasLastCall(string calldata group, string calldata name)
        external
        returns (uint256 gas);
    function assertLe(uint256 found, uint256 most, string calldata what) external pure;
}

/// @notice What each call costs in the steady state: the escrow holds money, both wallets have a
/// balance, the allowance stays above zero. Run with `FOUNDRY_PROFILE=gas forge test`: each call is a
/// transaction of its own there, with the base fee of 21,000, its calldata and cold storage.
///
/// Measured on TestMXNB behind its proxy. MXNB itself is FiatTokenV2_2 behind a proxy: a bare transfer
/// of that takes 44,867 (published figure), of ours what test_token_transfer says.
contract GasTest is EscrowFixture {
    GasVm private constant gasVm = GasVm(address(vm));
    bytes32 private constant OPEN = keccak256("open throughout");

    function setUp() public override {
        super.setUp();
        create(custody(OPEN));
        reach(keccak256("paid before"), State.Released);
        reach(keccak256("returned before"), State.Reverted);
    }

    /// @dev The yardstick: what the token alone takes.
    function test_token_transfer() public {
        vm.prank(funder);
        token.transfer(PAYOUT, AMOUNT);
        measured("tokenTransfer", type(uint256).max);
    }

    function test_create() public {
        create(custody(ID));
        measured("create", 95_000);
    }

    function test_createMany_10() public {
        createMany(10);
        measured("createMany10", type(uint256).max);
    }

    function test_createMany_100() public {
        createMany(100);
        measured("createMany100", 100 * 31_000);
    }

    function test_createWithAuthorization() public {
        Terms memory t = custody(ID);
        bytes memory signature = signed(t, FUNDER_KEY);
        vm.prank(RELAYER);
        escrow.createWithAuthorization(t, VALID_BEFORE, signature);
        measured("createWithAuthorization", type(uint256).max);
    }

    function test_release() public {
        create(custody(ID));
        vm.warp(END);
        vm.prank(RELAYER);
        escrow.release(ID);
        measured("release", 67_000);
    }

    function test_releaseMany_10() public {
        releaseMany(10);
        measured("releaseMany10", type(uint256).max);
    }

    function test_releaseMany_100() public {
        releaseMany(100);
        measured("releaseMany100", 100 * 11_000);
    }

    function test_refundExpired() public {
        create(burnLock(ID));
        vm.warp(END);
        vm.prank(RELAYER);
        escrow.refundExpired(ID);
        measured("refundExpired", 69_000);
    }

    function test_dispute() public {
        create(custody(ID));
        vm.prank(RELAYER);
        escrow.dispute(ID, Party.Buyer, REASON);
        measured("dispute", 35_000);
    }

    function test_hold() public {
        create(custody(ID));
        vm.prank(ARBITER);
        escrow.hold(ID, REASON);
        measured("hold", 35_000);
    }

    function test_dismiss() public {
        createDisputed(ID);
        vm.prank(ARBITER);
        escrow.dismiss(ID, NOTE);
        measured("dismiss", 35_000);
    }

    function test_resolveRevert() public {
        createDisputed(ID);
        vm.prank(ARBITER);
        escrow.resolveRevert(ID, NOTE);
        measured("resolveRevert", 69_000);
    }

    /// @dev Two transfers: above the ceiling of a decision with one.
    function test_resolveSplit() public {
        createDisputed(ID);
        vm.prank(ARBITER);
        escrow.resolveSplit(ID, AMOUNT / 3, NOTE);
        measured("resolveSplit", type(uint256).max);
    }

    function test_releaseEarly() public {
        create(custody(ID));
        vm.prank(ARBITER);
        escrow.releaseEarly(ID);
        measured("releaseEarly", 67_000);
    }

    /// @param most the issue's ceiling, the largest number where it names none.
    function measured(string memory name, uint256 most) private {
        gasVm.assertLe(gasVm.snapshotGasLastCall("escrow", name), most, name);
    }

    function createMany(uint256 size) private {
        Terms[] memory ts = new Terms[](size);
        for (uint256 i = 0; i < size; ++i) {
            ts[i] = custody(keccak256(abi.encode(i)));
        }
        vm.prank(RELAYER);
        escrow.createMany(ts);
    }

    function releaseMany(uint256 size) private {
        createMany(size);
        bytes32[] memory list = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            list[i] = keccak256(abi.encode(i));
        }
        vm.warp(END);
        vm.prank(RELAYER);
        escrow.releaseMany(list);
    }
}
