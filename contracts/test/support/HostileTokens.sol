// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC3009Receive} from "../../src/IERC3009Receive.sol";

/// @notice The least of an ERC-20 that an escrow touches, to be bent by the tokens below.
abstract contract PlainToken {
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external virtual returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount)
        external
        virtual
        returns (bool)
    {
        _move(from, to, amount);
        return true;
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Calls back in the middle of every movement and remembers how that ended.
contract ReentrantToken is PlainToken {
    address private _target;
    bytes private _call;
    bool public tried;
    bool public entered;
    bytes public answer;

    function arm(address target, bytes calldata call) external {
        _target = target;
        _call = call;
        tried = false;
    }

    function _move(address from, address to, uint256 amount) internal override {
        super._move(from, to, amount);
        if (_target == address(0)) return;
        tried = true;
        (entered, answer) = _target.call(_call);
    }
}

/// @notice Keeps one unit of each transfer, also of one by authorization.
contract FeeToken is PlainToken, IERC3009Receive {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _move(from, to, value);
    }

    function _move(address from, address to, uint256 amount) internal override {
        balanceOf[from] -= amount;
        balanceOf[to] += amount - 1;
    }
}

/// @notice Answers false and moves nothing.
contract RefusingToken is PlainToken {
    function transfer(address, uint256) external pure override returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) external pure override returns (bool) {
        return false;
    }
}
