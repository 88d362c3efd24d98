//! `docs/security.md`: every requirement of OWASP ASVS 5.0 that sign-in has to meet, and where that is tested.

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

fn page() -> String {
    std::fs::read_to_string(workspace().join("docs/security.md")).unwrap()
}

/// By requirement, the parts of the cell that says where it is held.
fn rows(page: &str) -> BTreeMap<&str, Vec<&str>> {
    let is_id = |cell: &str| cell.split('.').count() == 3 && cell.split('.').all(|part| part.parse::<u8>().is_ok());
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [id, _, held] = cells.as_slice() else { return None };
        is_id(id).then(|| (*id, held.split("; ").collect::<Vec<_>>()))
    });
    let mut by_id = BTreeMap::new();
    for (id, held) in rows {
        assert!(by_id.insert(id, held).is_none(), "{id} has two rows");
    }
    by_id
}

/// The names of all functions below a folder.
fn collect_functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| line.split_once("fn ")?.1.split(['(', '<']).next());
            found.extend(names.map(ToOwned::to_owned));
        }
    }
}

#[test]
fn every_requirement_has_a_row() {
    let page = page();
    let rows = rows(&page);
    let ids: Vec<_> = REQUIREMENTS
        .iter()
        .flat_map(|(section, numbers)| numbers.iter().map(move |number| format!("{section}.{number}")))
        .collect();
    assert_eq!(ids.len(), 60);
    let missing: Vec<_> = ids.iter().filter(|id| !rows.contains_key(id.as_str())).collect();
    assert_eq!(missing, [""; 0]);
}

/// A part names a test, or a section of the page, or gives a reason.
#[test]
fn every_test_and_section_that_the_map_names_exists() {
    let page = page();
    let mut functions = BTreeSet::new();
    for folder in ["functions", "shared", "local", "tests/src", "tests/tests"] {
        collect_functions(&workspace().join(folder), &mut functions);
    }
    let headings: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-").replace(',', ""))
        .collect();
    let quoted = |part: &str| part.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).map(ToOwned::to_owned);
    for (id, parts) in rows(&page) {
        for part in parts {
            for anchor in part.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
                assert!(headings.contains(anchor), "{id}: the page has no section {anchor}");
            }
            if let Some(test) = quoted(part) {
                assert!(functions.contains(&test), "{id}: there is no test {test}");
            } else if let Some(pending) = part.strip_prefix("pending: ") {
                let exists = quoted(pending).is_some_and(|test| functions.contains(&test));
                assert!(!exists, "{id}: {pending} is pending no more");
            } else {
                let reasons = ["section ", "by design: ", "not applicable: ", "accepted: ", "open: "];
                assert!(reasons.iter().any(|reason| part.starts_with(reason)), "{id}: what is {part:?}?");
            }
        }
    }
}
