//! `docs/security.md`: every requirement of OWASP ASVS 5.0 that sign-in has to meet, every attack that is known, and
//! where that is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tests::app::workspace;

/// The requirements of the chapters V6, V7 and V9 at the levels 1 and 2, by section.
const REQUIREMENTS: [(&str, &[u8]); 15] = [
    ("6.1", &[1, 2, 3]),
    ("6.2", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("6.3", &[1, 2, 3, 4]),
    ("6.4", &[1, 2, 3, 4]),
    ("6.5", &[1, 2, 3, 4, 5]),
    ("6.6", &[1, 2, 3]),
    ("6.8", &[1, 2, 3, 4]),
    ("7.1", &[1, 2, 3]),
    ("7.2", &[1, 2, 3, 4]),
    ("7.3", &[1, 2]),
    ("7.4", &[1, 2, 3, 4, 5]),
    ("7.5", &[1, 2]),
    ("7.6", &[1, 2]),
    ("9.1", &[1, 2, 3]),
    ("9.2", &[1, 2, 3, 4]),
];

/// The attacks that are to be tried, by what their row begins with.
const ATTACKS: [&str; 27] = [
    "`alg` is `none`",
    "HS256 signed with the public key",
    "foreign `kid`",
    "`jku`, `jwk`, `x5u` headers",
    "expired token",
    "token that is not yet valid",
    "wrong `aud`",
    "wrong `iss`",
    "wrong `typ`",
    "truncated token",
    "oversized token",
    "non-canonical token",
    "refresh raced 50 ways",
    "stolen refresh token",
    "forged refresh token or API key",
    "guessing of passwords",
    "guessing of codes in links",
    "guessing of TOTP and recovery codes",
    "enumeration by answer",
    "enumeration by timing",
    "enumeration by sign-up",
    "scope escalation",
    "another user's session",
    "links in mails to a foreign host",
    "response splitting",
    "line breaks in mails",
    "control characters in header fields",
];

/// What a part begins with that names no test.
const REASONS: [&str; 5] = ["section ", "by design: ", "not applicable: ", "accepted: ", "open: "];

fn page() -> String {
    std::fs::read_to_string(workspace().join("docs/security.md")).unwrap()
}

/// The cells of a table's row.
fn cells(line: &str) -> Option<Vec<&str>> {
    Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect())
}

/// By requirement, the parts of the cell that says where it is held.
fn requirements(page: &str) -> BTreeMap<&str, Vec<&str>> {
    let is_id = |cell: &str| cell.split('.').count() == 3 && cell.split('.').all(|part| part.parse::<u8>().is_ok());
    let mut by_id = BTreeMap::new();
    for line in page.lines() {
        if let Some([id, _, held]) = cells(line).as_deref()
            && is_id(id)
        {
            assert!(by_id.insert(*id, held.split("; ").collect()).is_none(), "{id} has two rows");
        }
    }
    by_id
}

/// The attacks, each with the parts of the cell that says what tries it.
fn attacks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let section = page.split_once("\n## Attacks\n").unwrap().1.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(cells).filter(|cells| cells[0] != "attack");
    rows.map(|cells| (cells[0], cells[1].split("; ").collect())).collect()
}

/// The names of all tests below a folder.
fn collect_tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some((_, named)) = line.split_once("fn ") {
                    if is_test {
                        found.extend(named.split(['(', '<']).next().map(ToOwned::to_owned));
                    }
                    is_test = false;
                }
            }
        }
    }
}

fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["functions", "shared", "local", "tests/src", "tests/tests"] {
        collect_tests(&workspace().join(folder), &mut found);
    }
    found
}

/// What a part quotes whole.
fn quoted(part: &str) -> Option<&str> {
    part.strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn every_requirement_has_a_row() {
    let page = page();
    let rows = requirements(&page);
    let ids: Vec<_> = REQUIREMENTS
        .iter()
        .flat_map(|(section, numbers)| numbers.iter().map(move |number| format!("{section}.{number}")))
        .collect();
    assert_eq!(ids.len(), 60);
    let missing: Vec<_> = ids.iter().filter(|id| !rows.contains_key(id.as_str())).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_attack_is_tried_by_a_test() {
    let page = page();
    let rows = attacks(&page);
    let untried: Vec<_> =
        ATTACKS.iter().filter(|attack| !rows.iter().any(|(row, _)| row.starts_with(**attack))).collect();
    assert_eq!(untried, [&""; 0]);
    for (attack, parts) in rows {
        assert!(parts.iter().any(|part| quoted(part).is_some()), "{attack} is tried by no test");
    }
}

/// A part names a test, or a section of the page, or gives a reason. Nothing is put off.
#[test]
fn every_test_and_section_that_the_map_names_exists() {
    let page = page();
    let tests = tests();
    assert!(!page.contains("pending:"), "what is pending is not held");
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-").replace(',', ""))
        .collect();
    for (row, parts) in requirements(&page).into_iter().chain(attacks(&page)) {
        for part in parts {
            for anchor in part.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
                assert!(headings.contains(anchor), "{row}: the page has no section {anchor}");
            }
            if let Some(test) = quoted(part) {
                assert!(tests.contains(test), "{row}: there is no test {test}");
            } else {
                assert!(REASONS.iter().any(|reason| part.starts_with(reason)), "{row}: what is {part:?}?");
            }
        }
    }
}
