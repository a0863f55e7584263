// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TokenFixture} from "../support/TokenFixture.sol";
import {vm} from "../support/Vm.sol";

contract PermitTest is TokenFixture {
    function test_type_hashes_are_those_of_the_texts() public view {
        vm.assertEq(
            token.PERMIT_TYPEHASH(),
            keccak256(
                "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
            ),
            "Permit"
        );
        string memory fields =
            "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
        vm.assertEq(
            token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(),
            keccak256(abi.encodePacked("TransferWithAuthorization", fields)),
            "TransferWithAuthorization"
        );
        vm.assertEq(
            token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
            keccak256(abi.encodePacked("ReceiveWithAuthorization", fields)),
            "ReceiveWithAuthorization"
        );
        vm.assertEq(
            token.CANCEL_AUTHORIZATION_TYPEHASH(),
            keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"),
            "CancelAuthorization"
        );
    }

    function test_sets_the_allowance_once() public {
        (uint8 v, bytes32 r, bytes32 s) = sign(ALICE_KEY, permitHash(9, 0, START));
        token.permit(alice, BOB, 9, START, v, r, s);
        vm.assertEq(token.allowance(alice, BOB), 9, "allowance");
        vm.assertEq(token.nonces(alice), 1, "nonce");
        expectRevert("EIP2612: invalid signature");
        token.permit(alice, BOB, 9, START, v, r, s);
    }

    function test_bytes_form() public {
        token.permit(alice, BOB, 9, START, signPacked(ALICE_KEY, permitHash(9, 0, START)));
        vm.assertEq(token.allowance(alice, BOB), 9, "allowance");
    }

    function test_refuses_after_the_deadline() public {
        bytes memory sig = signPacked(ALICE_KEY, permitHash(9, 0, START - 1));
        expectRevert("FiatTokenV2: permit is expired");
        token.permit(alice, BOB, 9, START - 1, sig);
    }

    function test_refuses_another_signer_and_other_values() public {
        bytes memory wrong = signPacked(ALICE_KEY + 1, permitHash(9, 0, START));
        expectRevert("EIP2612: invalid signature");
        token.permit(alice, BOB, 9, START, wrong);
        bytes memory sig = signPacked(ALICE_KEY, permitHash(9, 0, START));
        expectRevert("EIP2612: invalid signature");
        token.permit(alice, BOB, 10, START, sig);
        expectRevert("EIP2612: invalid signature");
        token.permit(alice, CAROL, 9, START, sig);
    }

    function test_stops_while_paused() public {
        bytes memory sig = signPacked(ALICE_KEY, permitHash(9, 0, START));
        pauseToken();
        expectRevert("Pausable: paused");
        token.permit(alice, BOB, 9, START, sig);
    }

    function permitHash(uint256 value, uint256 nonce, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(token.PERMIT_TYPEHASH(), alice, BOB, value, nonce, deadline));
    }
}
