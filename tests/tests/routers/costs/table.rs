//! The table of `docs/costs.md`.

use std::collections::BTreeSet;

use tests::app::workspace;
use tests::openapi;

/// Where rows of the table begin. Nothing else in the file does.
const ROW: &str = "| `";

/// Holds what flows were found to cost against the table, and the flows against the operations that there are.
pub(super) fn compare(measured: &[(String, String)]) {
    let path = workspace().join("docs/costs.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let written: BTreeSet<&str> = text.lines().filter(|line| line.starts_with(ROW)).collect();
    let rows: Vec<String> = measured.iter().map(|(flow, cost)| row(flow, cost)).collect();
    if std::env::var_os("UPDATE_COSTS").is_some() {
        let (before, rest) = text.split_once(ROW).unwrap();
        let after: Vec<_> = rest.lines().skip(1).skip_while(|line| line.starts_with(ROW)).collect();
        std::fs::write(&path, format!("{before}{}\n{}\n", rows.join("\n"), after.join("\n"))).unwrap();
    } else {
        let rows: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
        let lacking: Vec<_> = rows.difference(&written).copied().collect();
        let wrong: Vec<_> = written.difference(&rows).copied().collect();
        assert!(
            lacking.is_empty() && wrong.is_empty(),
            "docs/costs.md should say (UPDATE_COSTS=1 renews it)\n{}\ninstead of\n{}",
            lacking.join("\n"),
            wrong.join("\n")
        );
    }

    let document = serde_json::to_value(openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let covered: BTreeSet<_> = measured.iter().map(|(flow, _)| flow.split(';').next().unwrap()).collect();
    let missing: Vec<_> = operations.filter(|operation| !covered.contains(operation.as_str())).collect();
    assert_eq!(missing, [""; 0], "each operation has a flow");
}

fn row(flow: &str, cost: &str) -> String {
    match flow.split_once(';') {
        Some((operation, special)) => format!("{ROW}{operation}`;{special} | {cost} |"),
        None => format!("{ROW}{flow}` | {cost} |"),
    }
}
