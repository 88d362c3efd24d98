//! How large a deployed function is.

use std::io::{Cursor, Write as _};
use std::path::PathBuf;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::{Result, Row};

/// Zips each binary as `cargo lambda build --output-format zip` does.
pub(crate) fn measure(binaries: &[(&str, PathBuf)]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, path) in binaries {
        let binary = std::fs::read(path)?;
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive
            .start_file("bootstrap", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))?;
        archive.write_all(&binary)?;
        let zipped = archive.finish()?.into_inner().len();
        rows.push(Row::new(
            format!("`{name}`: zipped (unpacked)"),
            format!("{} ({})", megabytes(zipped), megabytes(binary.len())),
        ));
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "a size that is rounded to two digits")]
fn megabytes(bytes: usize) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
