// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC3009Receive} from "../../src/IERC3009Receive.sol";

/// @notice A token whose issuer can change everything under the escrow from one call to the next, as
/// an upgrade behind a proxy could: pause, blocklist, a fee, what a transfer answers, a call back.
/// Anybody may turn the switches; signatures are not looked at. Fees are burned.
contract ShiftingToken is IERC3009Receive {
    /// @dev False moves nothing. Lie answers false after moving. Nothing answers with no data.
    enum Answer {
        True,
        False,
        Lie,
        Nothing
    }

    mapping(address account => uint256) public balanceOf;
    mapping(address account => bool) public blocked;
    mapping(bytes32 nonce => bool) public used;
    uint256 public totalSupply;
    bool public paused;
    uint256 public fee;
    Answer public answer;

    address private _target;
    bytes private _call;
    bool public tried;
    bool public entered;
    bytes public returned;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        totalSupply += amount;
    }

    /// @notice What an issuer with a court order does.
    function seize(address from, uint256 amount) external {
        balanceOf[from] -= amount;
        totalSupply -= amount;
    }

    function setPaused(bool value) external {
        paused = value;
    }

    function setBlocked(address account, bool value) external {
        blocked[account] = value;
    }

    function setFee(uint256 value) external {
        fee = value;
    }

    function setAnswer(Answer value) external {
        answer = value;
    }

    /// @notice From now on every movement makes this call and remembers how it ended.
    function arm(address target, bytes calldata call) external {
        _target = target;
        _call = call;
        tried = false;
        entered = false;
    }

    function balancesOf(address[] calldata list) external view returns (uint256[] memory amounts) {
        amounts = new uint256[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            amounts[i] = balanceOf[list[i]];
        }
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _answered(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _answered(from, to, amount);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32 nonce,
        bytes calldata
    ) external {
        require(!used[nonce], "used");
        used[nonce] = true;
        _move(from, to, value);
    }

    function _answered(address from, address to, uint256 amount) private returns (bool) {
        if (answer == Answer.False) return false;
        _move(from, to, amount);
        if (answer == Answer.Nothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return answer == Answer.True;
    }

    function _move(address from, address to, uint256 amount) private {
        require(!paused, "paused");
        require(!blocked[msg.sender] && !blocked[from] && !blocked[to], "blocked");
        balanceOf[from] -= amount;
        balanceOf[to] += amount - fee;
        totalSupply -= fee;
        if (_target == address(0)) return;
        tried = true;
        (bool done, bytes memory data) = _target.call(_call);
        (entered, returned) = (entered || done, data);
    }
}
