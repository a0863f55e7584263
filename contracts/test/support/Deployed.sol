// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @notice Creates the contracts from the bytecode that gets deployed (`tools/export.mjs` compiles it
/// to out-export/), so that what is tested is what runs, while the tests themselves are compiled
/// without the slow IR pipeline. With CONTRACTS_FROM=source in the environment the tests' own build
/// is used instead, for coverage and traces.
library Deployed {
    function create(string memory name, bytes memory args) internal returns (address made) {
        bytes memory code = abi.encodePacked(vm.getCode(artifact(name)), args);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
            if iszero(made) {
                returndatacopy(mload(0x40), 0, returndatasize())
                revert(mload(0x40), returndatasize())
            }
        }
    }

    function artifact(string memory name) private view returns (string memory) {
        bytes32 from = keccak256(bytes(vm.envOr("CONTRACTS_FROM", "export")));
        if (from == keccak256("source")) return string.concat(name, ".sol:", name);
        return string.concat("out-export/", name, ".sol/", name, ".json");
    }
}
