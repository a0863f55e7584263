// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNB} from "../../src/TestMXNB.sol";
import {ProxiedToken} from "./ProxiedToken.sol";
import {vm} from "./Vm.sol";

/// @notice A token with one holder per part, and signatures made from the EIP texts rather than with
/// the token's own functions.
abstract contract TokenFixture {
    bool public constant IS_TEST = true;

    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant FUNDS = 1_000_000_000;
    uint256 internal constant ALICE_KEY = 0xA11CE;
    address internal immutable alice = vm.addr(ALICE_KEY);
    address internal constant BOB = address(0xB0B);
    address internal constant CAROL = address(0xCA401);
    address internal constant OWNER = address(0x0401);
    address internal constant MINTER = address(0x3101);
    address internal constant UPGRADER = address(0x0b6);

    TestMXNB internal token;

    function setUp() public {
        vm.warp(START);
        token = ProxiedToken.create(OWNER, UPGRADER);
        vm.prank(OWNER);
        token.configureMinter(MINTER, 10 * FUNDS);
        vm.prank(MINTER);
        token.mint(alice, FUNDS);
    }

    function expectRevert(string memory reason) internal {
        vm.expectRevert(abi.encodeWithSignature("Error(string)", reason));
    }

    function expectEvent() internal {
        vm.expectEmit(true, true, true, true, address(token));
    }

    function expectBalances(uint256 a, uint256 b) internal view {
        vm.assertEq(token.balanceOf(alice), a, "alice");
        vm.assertEq(token.balanceOf(BOB), b, "bob");
    }

    function pauseToken() internal {
        vm.prank(OWNER);
        token.pause();
    }

    function blacklist(address account) internal {
        vm.prank(OWNER);
        token.blacklist(account);
    }

    function sign(uint256 key, bytes32 structHash)
        internal
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("MXNB"),
                keccak256("2"),
                block.chainid,
                address(token)
            )
        );
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, structHash)));
    }

    function signPacked(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = sign(key, structHash);
        return abi.encodePacked(r, s, v);
    }
}
