//! Which addresses and ports this server connects to because a person says so.
//!
//! IPv4 by the IANA special-purpose registry: everything in it is denied. IPv6 the other way round: only global unicast
//! (2000::/3) is allowed, less what is special in it; so mapped, translated (NAT64), local and multicast addresses are denied
//! without a list that could forget one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use custody::FailureClass;

/// Ports that anybody may name.
const PORTS: [u16; 3] = [443, 8443, 8883];
/// The first port that is nobody's in particular.
const FIRST_HIGH_PORT: u16 = 1024;

/// What may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Ports from 1024 on too, beside 443, 8443 and 8883.
    pub high_ports: bool,
    /// Private and loopback addresses too: for an installation whose people have their endpoints in the same network.
    pub danger_private_addresses: bool,
}

impl Reach {
    /// Whether a port may be connected to.
    pub(super) fn port(self, port: u16) -> Result<(), FailureClass> {
        if PORTS.contains(&port) || (self.high_ports && port >= FIRST_HIGH_PORT) {
            Ok(())
        } else {
            Err(FailureClass::Port)
        }
    }

    /// Whether every address of a name may be connected to: one that may not spoils them all.
    pub(super) fn addresses(self, addresses: &[IpAddr]) -> Result<(), FailureClass> {
        if addresses.is_empty() {
            return Err(FailureClass::Name);
        }
        if addresses.iter().all(|it| self.address(*it)) {
            Ok(())
        } else {
            Err(FailureClass::Address)
        }
    }

    fn address(self, address: IpAddr) -> bool {
        let public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        };
        public || (self.danger_private_addresses && is_private(address))
    }
}

/// What the switch for private addresses adds. Link-local addresses, where clouds keep their credentials, are not among them.
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

    const PUBLIC: Reach = Reach {
        high_ports: false,
        danger_private_addresses: false,
    };
    const PRIVATE: Reach = Reach {
        high_ports: true,
        danger_private_addresses: true,
    };

    /// Every class of address that is not of the internet, first and last where it is a block.
    const DENIED: [&str; 59] = [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:0:4136:e378::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
    ];

    #[test]
    fn no_address_outside_of_the_internet_is_reached() {
        for text in DENIED {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(
                PUBLIC.addresses(&[address]),
                Err(FailureClass::Address),
                "{text}"
            );
        }
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
        ] {
            assert_eq!(PUBLIC.addresses(&[text.parse().unwrap()]), Ok(()), "{text}");
        }
    }

    #[test]
    fn one_private_address_among_public_ones_spoils_the_name() {
        let addresses = ["1.1.1.1", "10.0.0.1"].map(|it| it.parse().unwrap());
        assert_eq!(PUBLIC.addresses(&addresses), Err(FailureClass::Address));
        assert_eq!(PRIVATE.addresses(&addresses), Ok(()));
        assert_eq!(PUBLIC.addresses(&[]), Err(FailureClass::Name));
    }

    #[test]
    fn the_switch_for_private_addresses_opens_nothing_else() {
        for text in DENIED {
            let address: IpAddr = text.parse().unwrap();
            let opened = PRIVATE.addresses(&[address]).is_ok();
            assert_eq!(opened, is_private(address), "{text}");
        }
        for text in [
            "169.254.169.254",
            "fe80::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "100.64.0.1",
        ] {
            assert!(
                PRIVATE.addresses(&[text.parse().unwrap()]).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn ports_are_those_of_tls_unless_high_ones_are_opened() {
        for port in [443, 8443, 8883] {
            assert_eq!(PUBLIC.port(port), Ok(()));
        }
        for port in [0, 22, 25, 80, 1023, 1024, 5432, 6379, 65_535] {
            assert_eq!(PUBLIC.port(port), Err(FailureClass::Port), "{port}");
            assert_eq!(PRIVATE.port(port).is_ok(), port >= 1024, "{port}");
        }
    }
}
