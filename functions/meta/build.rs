//! Prepares what the documentation consists of, so that nothing of it is computed at a request or a cold start.
//!
//! `OUT_DIR` gets `<name>.gz` for the API's document and for every asset, and both pages. `DOCUMENT_HASH` is the
//! document's hash; `ASSETS` is where the assets are served, a path with a hash of all of them in it.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const DOCUMENT: &str = "../../openapi.json";
/// Already compressed; see `assets/README.md`.
const VENDORED: [&str; 4] = [
    "assets/redoc/redoc.standalone.js.gz",
    "assets/swagger-ui-dist/favicon-32x32.png.gz",
    "assets/swagger-ui-dist/swagger-ui-bundle.js.gz",
    "assets/swagger-ui-dist/swagger-ui.css.gz",
];
const OURS: [&str; 3] = ["pages/docs.js", "pages/pages.css", "pages/redoc.js"];
const PAGES: [&str; 2] = ["pages/docs.html", "pages/redoc.html"];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let document: Value = serde_json::from_slice(&read(DOCUMENT)?)?;
    let minified = serde_json::to_vec(&document)?;
    fs::write(out.join("openapi.json.gz"), gzip(&minified)?)?;
    println!("cargo::rustc-env=DOCUMENT_HASH={}", short(Sha256::digest(&minified)));

    let mut all = Sha256::new();
    for path in VENDORED {
        let compressed = read(path)?;
        all.update(&compressed);
        fs::write(out.join(name(path)), compressed)?;
    }
    for path in OURS {
        let asset = read(path)?;
        all.update(&asset);
        fs::write(out.join(format!("{}.gz", name(path))), gzip(&asset)?)?;
    }
    let assets = format!("/docs/assets/{}", short(all.finalize()));
    for path in PAGES {
        let page = String::from_utf8(read(path)?)?;
        fs::write(out.join(name(path)), page.replace("{assets}", &assets))?;
    }
    println!("cargo::rustc-env=ASSETS={assets}");
    Ok(())
}

/// A file of this package, which is built again when the file changes.
fn read(path: &str) -> Result<Vec<u8>, String> {
    println!("cargo::rerun-if-changed={path}");
    fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Half of a hash, in hexadecimal digits: enough to tell versions of a file apart.
fn short(hash: impl AsRef<[u8]>) -> String {
    hash.as_ref().iter().take(16).fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}
