#!/usr/bin/env bash
# The CPU seconds that rustc takes for a cold release build of each commit, one after the other, and of which crates.
# Dependencies are downloaded before. The GraphiQL page is left out.
#
# usage: bench/build.sh [COMMIT...]     (HEAD by default; a commit may be repeated)
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- HEAD
source=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# CARGO_CRATE_NAME is set by Cargo; without it, rustc is asked for its version.
cat > "$work/rustc" <<'WRAPPER'
#!/usr/bin/env bash
exec 3>&2
TIMEFORMAT="%U %S ${CARGO_CRATE_NAME:-version}"
{ time "$@" 2>&3; } 2>>"$RUSTC_TIMES"
WRAPPER
chmod +x "$work/rustc"
export RUSTC_WRAPPER=$work/rustc RUSTC_TIMES=$work/times CARGO_TARGET_DIR=$work/target SKIP_WEB=1 CARGO_TERM_QUIET=true
for commit; do
  rm -rf "$work/source" "$work/target" "$work/times"
  git clone --quiet --no-checkout "$source" "$work/source"
  (
    cd "$work/source"
    git checkout --quiet "$(git -C "$source" rev-parse "$commit")"
    cargo fetch --locked --target "$(rustc -vV | sed -n 's/^host: //p')"
    SECONDS=0
    cargo build --release --locked
    echo "$(git log -1 --format='%h %s')"
    echo "$SECONDS seconds; $(stat --format=%s "$work/target/release/academic-directory") bytes"
  )
  awk '{ seconds[$3] += $1 + $2; all += $1 + $2 }
    END { printf "%8.1f CPU seconds of rustc\n", all; for (crate in seconds) printf "%8.1f %s\n", seconds[crate], crate }' \
    "$work/times" | sort -rn | head -n 16
done
