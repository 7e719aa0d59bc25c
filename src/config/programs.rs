//! Where the Postgres programs are that the build downloads from npm.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Their directory in an installation, relative to the directory of the executable.
const INSTALLED: &str = "../lib/academic-directory/postgres";
/// Where the build put them, an absolute path. Its last components are relative to the build's profile, such as
/// `target/release`: `build/academic-directory-<hash>/out/postgres`.
const BUILT: &str = env!("BUILD_POSTGRES_DIRECTORY");
const COMPONENTS_BELOW_PROFILE: usize = 4;

/// The directories that may contain the programs, in the order in which they are searched: beside the executable, then in
/// the directory of the build, even if both were moved.
#[must_use]
pub fn bundled_postgres_directories() -> Vec<PathBuf> {
    env::current_exe().map(|executable| directories_of(&executable)).unwrap_or_default()
}

fn directories_of(executable: &Path) -> Vec<PathBuf> {
    let built = Path::new(BUILT);
    let components = built.components().count();
    let below_profile: PathBuf = built.components().skip(components.saturating_sub(COMPONENTS_BELOW_PROFILE)).collect();
    // The executables of tests are one level deeper.
    let moved = executable.ancestors().skip(1).take(2).map(|ancestor| ancestor.join(&below_profile));
    let installed = executable.parent().map(|directory| directory.join(INSTALLED));
    let built = has_trusted_owner(built, executable).then(|| built.to_owned());
    installed.into_iter().chain(moved).chain(built).collect()
}

/// Whether a directory belongs to root or to the owner of the executable. On another machine than that of the build,
/// any user may have created a directory of this name.
fn has_trusted_owner(directory: &Path, executable: &Path) -> bool {
    let owner = |path| fs::metadata(path).map(|metadata| metadata.uid());
    match (owner(directory), owner(executable)) {
        (Ok(0), _) => true,
        (Ok(directory), Ok(executable)) => directory == executable,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_the_executable_then_in_the_directory_of_the_build() {
        let directories = directories_of(Path::new("/opt/directory/bin/academic-directory"));
        assert_eq!(directories[0], Path::new("/opt/directory/bin/../lib/academic-directory/postgres"));
        let moved = directories[1].strip_prefix("/opt/directory/bin").unwrap();
        assert!(moved.starts_with("build") && moved.ends_with("out/postgres") && moved.components().count() == 4);
        // This executable does not exist and has no owner, so that only a directory of root is trusted.
        assert_eq!(directories.len() == 4, fs::metadata(BUILT).is_ok_and(|metadata| metadata.uid() == 0));
    }
}
