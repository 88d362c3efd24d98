use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that lead elsewhere than to a server on the public Internet: the rows of IANA's IPv4 Special-Purpose
/// Address Registry that are not globally reachable (or no longer defined), and multicast. Two addresses of the
/// protocol assignments are globally reachable by the registry, as anycast to a relay or translator near by, so they
/// stay refused.
const SPECIAL_IPV4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // "This network", RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // Private use, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // Shared address space of carriers, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // Loopback, RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // Link local, RFC 3927; the metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // Private use, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // IETF protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // Documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // Relays of 6to4, deprecated, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // Private use, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // Benchmarking, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // Documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // Documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // Multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // Reserved, RFC 1112, and the limited broadcast, RFC 8190
];

/// What IANA allocates as global unicast addresses. All else is refused without a row: loopback, unspecified, unique
/// local, link local and site local, multicast, IPv4-mapped and -compatible, discard-only, segment identifiers, local
/// translation.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The rows of IANA's IPv6 Special-Purpose Address Registry inside the global unicast addresses that lead to no server.
/// Parts of the protocol assignments are globally reachable by the registry, as anycast or identifiers; no server has
/// one.
const SPECIAL_IPV6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // IETF protocol assignments, RFC 2928; Teredo, benchmarking, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // Documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, RFC 3056: an IPv4 address in disguise
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // Documentation, RFC 9637
];

/// IPv4 addresses as networks of IPv6 alone see them (RFC 6052 section 2.1). A subnet with NAT64 resolves every name
/// that has no IPv6 address to one of these.
const TRANSLATED: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether the address is one of a server on the public Internet. Rows of IANA's registries as of October 2025; `std`
/// has had `is_global` for years, but not on stable Rust.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_IPV4.iter().any(|network| contains_ipv4(*network, address)),
        IpAddr::V6(address) if contains_ipv6(TRANSLATED, address) => {
            let [.., a, b, c, d] = address.octets();
            is_public(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) => {
            contains_ipv6(GLOBAL_UNICAST, address)
                && !SPECIAL_IPV6.iter().any(|network| contains_ipv6(*network, address))
        }
    }
}

fn contains_ipv4((network, length): (Ipv4Addr, u32), address: Ipv4Addr) -> bool {
    (network.to_bits() ^ address.to_bits()).leading_zeros() >= length
}

fn contains_ipv6((network, length): (Ipv6Addr, u32), address: Ipv6Addr) -> bool {
    (network.to_bits() ^ address.to_bits()).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn the_first_and_last_addresses_of_special_networks_are_not_public_and_their_neighbours_are() {
        // The address before the network, its first, its last, the one behind it; empty where a neighbour is special
        // too.
        for [before, first, last, after] in [
            ["", "0.0.0.0", "0.255.255.255", "1.0.0.0"],
            ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
            ["100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"],
            ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"],
            ["169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"],
            ["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"],
            ["191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"],
            ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"],
            ["192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"],
            ["192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"],
            ["198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"],
            ["198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"],
            ["203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"],
            ["223.255.255.255", "224.0.0.0", "239.255.255.255", ""],
            ["", "240.0.0.0", "255.255.255.255", ""],
            ["", "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"],
            [
                "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:200::",
            ],
            [
                "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:db9::",
            ],
            ["2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"],
            [
                "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "3fff::",
                "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                "3fff:1000::",
            ],
            ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""],
        ] {
            for neighbour in [before, after] {
                assert!(neighbour.is_empty() || public(neighbour), "{neighbour} beside {first}");
            }
            assert!(!public(first) && !public(last), "{first} to {last}");
        }
    }

    #[test]
    fn every_special_ipv6_address_of_note_is_refused() {
        for address in [
            "::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn a_translated_address_is_as_public_as_what_it_stands_for() {
        assert!(public("64:ff9b::8.8.8.8"));
        for address in ["64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::1:8.8.8.8"] {
            assert!(!public(address), "{address}");
        }
    }
}
