//! MAC pools: where network cards get their addresses.

use crate::model::ids::MacPoolId;
use crate::model::network::MacAddress;

/// A MAC pool with its ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacPoolView {
    pub id: MacPoolId,
    pub name: String,
    pub description: String,
    pub default: bool,
    /// First and last address of each range, both inclusive.
    pub ranges: Vec<(MacAddress, MacAddress)>,
}

/// The range of a new engine: 65,536 addresses in 56:xx:yy:zz:00:00, where xx yy zz come from the engine's own id. oVirt gives every
/// engine the same range, so two on one network collide; the first byte says "locally administered, unicast".
pub fn own_range(engine: uuid::Uuid) -> (MacAddress, MacAddress) {
    let b = engine.as_bytes();
    let base = u64::from_be_bytes([0, 0, 0x56, b[0], b[1], b[2], 0, 0]);
    (MacAddress::from_bits(base), MacAddress::from_bits(base | 0xffff))
}
