// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title The upgradeable front of TestMXNB
/// @notice As with the real token, users call this address and the code lies elsewhere. The real one is
/// an older kind than ERC-1967: it keeps implementation and admin in the zeppelinos slots below, anyone
/// may read both, its events have no topics but their own, and its admin cannot use the token. Ours does
/// the same, so that verification reads the slot it will read on the real chain, and so that an upgrade
/// by the issuer can be played. Never deployed to a public chain.
contract TestMXNBProxy {
    bytes32 private constant IMPLEMENTATION_SLOT = keccak256("org.zeppelinos.proxy.implementation");
    bytes32 private constant ADMIN_SLOT = keccak256("org.zeppelinos.proxy.admin");

    event Upgraded(address implementation);
    event AdminChanged(address previousAdmin, address newAdmin);

    /// @param implementation_ the first code; whoever creates the proxy becomes its admin.
    constructor(address implementation_) {
        _setImplementation(implementation_);
        _write(ADMIN_SLOT, msg.sender);
    }

    /// @dev Anyone but the admin who calls one of the admin's functions reaches the implementation.
    modifier onlyAdminHere() {
        if (msg.sender == admin()) {
            _;
        } else {
            _forward();
        }
    }

    fallback() external payable {
        require(msg.sender != admin(), "Cannot call fallback function from the proxy admin");
        _forward();
    }

    receive() external payable {
        require(msg.sender != admin(), "Cannot call fallback function from the proxy admin");
        _forward();
    }

    function changeAdmin(address newAdmin) external onlyAdminHere {
        require(newAdmin != address(0), "Cannot change the admin of a proxy to the zero address");
        emit AdminChanged(admin(), newAdmin);
        _write(ADMIN_SLOT, newAdmin);
    }

    function upgradeTo(address newImplementation) external onlyAdminHere {
        _setImplementation(newImplementation);
        emit Upgraded(newImplementation);
    }

    /// @param data a call made to this proxy, so to the new code, by the proxy itself.
    function upgradeToAndCall(address newImplementation, bytes calldata data)
        external
        payable
        onlyAdminHere
    {
        _setImplementation(newImplementation);
        emit Upgraded(newImplementation);
        (bool done,) = address(this).call{value: msg.value}(data);
        require(done);
    }

    function admin() public view returns (address) {
        return _read(ADMIN_SLOT);
    }

    function implementation() public view returns (address) {
        return _read(IMPLEMENTATION_SLOT);
    }

    function _setImplementation(address code) private {
        require(code.code.length > 0, "Cannot set a proxy implementation to a non-contract address");
        _write(IMPLEMENTATION_SLOT, code);
    }

    /// @dev Hands the call to the implementation and answers for it; nothing after it runs.
    function _forward() private {
        address code = implementation();
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), code, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch done
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    function _read(bytes32 slot) private view returns (address value) {
        assembly ("memory-safe") {
            value := sload(slot)
        }
    }

    function _write(bytes32 slot, address value) private {
        assembly ("memory-safe") {
            sstore(slot, value)
        }
    }
}
