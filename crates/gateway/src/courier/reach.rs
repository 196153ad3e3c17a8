//! Which addresses and ports this server connects to because a person says so.
//!
//! Which addresses are private or local is custody's table, which the form that takes an address asks too. Here it is asked of
//! what a name resolves to, at the moment of connecting.

use std::net::IpAddr;

use custody::{FailureClass, may_connect};

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
        if addresses
            .iter()
            .all(|it| may_connect(*it, self.danger_private_addresses))
        {
            Ok(())
        } else {
            Err(FailureClass::Address)
        }
    }
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
            let is_private = match address {
                IpAddr::V4(it) => it.is_private() || it.is_loopback(),
                IpAddr::V6(it) => it.is_unique_local() || it.is_loopback(),
            };
            assert_eq!(opened, is_private, "{text}");
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
