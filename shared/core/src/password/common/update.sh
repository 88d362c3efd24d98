#!/usr/bin/env bash
# Renews the list of common passwords from the newest Django of its major version, and its facts in README.md.
# Needs pip and python3. Run `cargo test --lib password` afterwards.
set -euo pipefail
cd "$(dirname "$0")"

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
pip download --quiet --no-deps --only-binary :all: --dest "$unpacked" 'django>=5,<6'

python3 - "$unpacked" <<'PYTHON'
import glob, gzip, re, sys, zipfile

[wheel] = glob.glob(sys.argv[1] + "/*.whl")
version = re.search(r"django-([0-9.]+)-", wheel, re.IGNORECASE)[1]
archive = zipfile.ZipFile(wheel)

with archive.open("django/contrib/auth/common-passwords.txt.gz") as packed:
    listed = gzip.decompress(packed.read()).decode().splitlines()
# Shorter ones are refused for their length. What differs in case only is the same one.
kept = sorted({password.lower() for password in listed if len(password) >= 8})
text = "".join(password + "\n" for password in kept).encode()
with open("passwords.txt", "wb") as file:
    file.write(text)

[licence] = [name for name in archive.namelist() if re.fullmatch(r"django-[^/]*/(licenses/)?LICENSE", name, re.IGNORECASE)]
with open("LICENSE", "wb") as file:
    file.write(archive.read(licence))

with open("README.md", encoding="utf-8") as file:
    readme = file.read()
for name, value in {
    "Django": version,
    "passwords": f"{len(kept):,} of {len(listed):,}",
    "size": f"{len(text):,} bytes, {len(gzip.compress(text, 9, mtime=0)):,} compressed",
}.items():
    readme = re.sub(rf"^\| {name} \|.*$", f"| {name} | {value} |", readme, flags=re.MULTILINE)
with open("README.md", "w", encoding="utf-8") as file:
    file.write(readme)
print(version, len(kept))
PYTHON
