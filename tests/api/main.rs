//! The service as its users meet it: HTTP to the real server over a real Postgres, a database for each test.

mod support;

mod profile;

mod import_csl;
mod import_csl_damage;
mod import_csl_identity;
mod import_profile_page;
mod import_real;
mod import_records;
mod import_resume;
mod import_ror;
mod process;
mod settings;
