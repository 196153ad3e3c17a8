//! Which hosts are of the internet: asked when a person names one, and again of every address that a name resolves to.
//!
//! IPv4 by the IANA special-purpose registry: everything in it is denied. IPv6 the other way round: only global unicast
//! (2000::/3) is allowed, less what is special in it; so mapped, translated (NAT64), local and multicast addresses are denied
//! without a list that could forget one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Host;

/// Names that no public name server answers for, alone or as the end of a name: `localhost` (RFC 6761, section 6.3), `local`
/// (RFC 6762, section 3), `home.arpa` (RFC 8375), `internal` (reserved by ICANN for private use), and `localdomain`, which
/// systems give to themselves.
const LOCAL_NAMES: [&str; 5] = ["localhost", "local", "home.arpa", "internal", "localdomain"];

/// Whether this server may connect to an address because a person says so. With `private`, private and loopback addresses too.
#[must_use]
pub fn may_connect(address: IpAddr, private: bool) -> bool {
    let public = match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    };
    public || (private && is_private(address))
}

impl Host {
    /// Whether a person may name this host, as far as its text tells: a name that is only known inside a network, or an address
    /// to which [`may_connect`] says no, is none. What a public name resolves to is checked when it is connected to.
    #[must_use]
    pub fn may_be_named(&self, private: bool) -> bool {
        if let Some(address) = self.address() {
            return may_connect(address, private);
        }
        let name = self.to_string();
        let is_below = |local: &&str| {
            let rest = name.strip_suffix(*local);
            rest.is_some_and(|it| it.is_empty() || it.ends_with('.'))
        };
        private || !LOCAL_NAMES.iter().any(is_below)
    }
}

/// What the setting for private addresses adds. Link-local addresses, where clouds keep their credentials, are not among them.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

/// First address and prefix length of every block that is not public.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network, unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared (CGNAT)
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24), // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relay
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),     // multicast, reserved, broadcast
];

/// The blocks of global unicast that are not public.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, benchmarking, ORCHID, other protocols
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an IPv4 address inside
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    let within =
        |(first, length): &(Ipv4Addr, u32)| (bits ^ u32::from(*first)).leading_zeros() >= *length;
    !SPECIAL_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    let within =
        |(first, length): &(Ipv6Addr, u32)| (bits ^ u128::from(*first)).leading_zeros() >= *length;
    bits >> 125 == 1 && !SPECIAL_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(text: &str, private: bool) -> bool {
        Host::parse(text).unwrap().may_be_named(private)
    }

    #[test]
    fn hosts_inside_a_network_are_not_named_unless_private_ones_are_allowed() {
        for text in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "printer.local",
            "local",
            "db.internal",
            "nas.home.arpa",
            "box.localdomain",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.9",
            "[::1]",
            "[fd00::1]",
        ] {
            assert!(!may(text, false), "{text}");
            assert!(may(text, true), "{text}");
        }
    }

    #[test]
    fn what_is_of_no_network_is_not_named_whatever_the_setting() {
        for text in [
            "0.0.0.0",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
        ] {
            assert!(!may(text, false), "{text}");
            assert!(!may(text, true), "{text}");
        }
    }

    #[test]
    fn names_and_addresses_of_the_internet_are_named() {
        for text in [
            "data.example.org",
            "localhost.example.org",
            "mylocal",
            "internal.example",
            "9.9.9.9",
            "[2620:fe::fe]",
        ] {
            assert!(may(text, false), "{text}");
            assert!(may(text, true), "{text}");
        }
    }
}
