//! Tests of addresses in both forms, and laws that hold for any text.

use proptest::prelude::*;

use super::tls::{ClientCertificate, RootCertificates};
use super::*;

fn parse(text: &str) -> DatabaseAddress {
    DatabaseAddress::parse_unchecked(text, &PgDefaults::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    match DatabaseAddress::parse_unchecked(text, &PgDefaults::default()) {
        Ok(address) => panic!("{text}: {address:?}"),
        Err(error) => error.to_string(),
    }
}

fn hosts(address: &DatabaseAddress) -> Vec<String> {
    address.hosts.iter().map(ToString::to_string).collect()
}

fn password(address: &DatabaseAddress) -> Option<&str> {
    address.password.as_ref().map(|Secret(password)| password.as_str())
}

#[test]
fn urls() {
    let address = parse("postgres://app:secret@db.example.org:5433/directory?application_name=a%20b&connect_timeout=7");
    assert_eq!(hosts(&address), ["db.example.org:5433"]);
    assert_eq!((address.user().as_str(), address.database().as_str()), ("app", "directory"));
    assert_eq!((password(&address), address.connect_timeout.as_secs()), (Some("secret"), 7));
    assert_eq!(address.application_name, "a b");

    let address = parse("postgresql://app@db.example.org");
    assert_eq!((hosts(&address), address.database().as_str()), (vec!["db.example.org:5432".to_owned()], "app"));
    assert_eq!((address.target, address.connect_timeout.as_secs()), (TargetSessionAttrs::Any, 5));
    assert_eq!((address.application_name.as_str(), password(&address)), ("academic-directory", None));
    assert_eq!(parse(" POSTGRES://app@db.example.org/?&\n"), address);
}

#[test]
fn host_lists() {
    let address = parse("postgres://app@db1:5433,db2,[::1]:5434/d?target_session_attrs=read-write");
    assert_eq!(hosts(&address), ["db1:5433", "db2:5432", "[::1]:5434"]);
    assert_eq!(address.target, TargetSessionAttrs::ReadWrite);
    assert_eq!(hosts(&parse("postgres://app@db1,db2/d?port=6000")), ["db1:6000", "db2:6000"]);
    assert_eq!(hosts(&parse("host=db1,db2,db3 port=1,,3 user=app")), ["db1:1", "db2:5432", "db3:3"]);
    assert_eq!(hosts(&parse("host=db1,db2 hostaddr=10.0.0.1,::2 user=a")), ["db1:5432 (10.0.0.1)", "db2:5432 (::2)"]);
    assert_eq!(hosts(&parse("hostaddr=10.0.0.1,10.0.0.2 port=5433 user=a")), ["10.0.0.1:5433", "10.0.0.2:5433"]);
    assert_eq!(hosts(&parse("host=::1 user=a")), ["[::1]:5432"]);
    assert!(error("host=a,b port=1,2,3").contains("2 hosts and 3 ports"));
    assert!(error("host=a,b hostaddr=10.0.0.1").contains("2 hosts and 1 values of hostaddr"));
    assert!(error("hostaddr=db.example.org").contains("hostaddr number 1 is not an IP address"));
    assert!(error("host=a port=0").contains("port number 1"));
    assert!(error("host=a,b port=5432,99999").contains("port number 2"));
    for (text, target) in [
        ("any", TargetSessionAttrs::Any),
        ("read-only", TargetSessionAttrs::ReadOnly),
        ("primary", TargetSessionAttrs::Primary),
        ("standby", TargetSessionAttrs::Standby),
        ("prefer-standby", TargetSessionAttrs::PreferStandby),
    ] {
        assert_eq!(parse(&format!("host=a user=a target_session_attrs={text}")).target, target);
    }
    assert!(error("host=a target_session_attrs=master").contains("target_session_attrs is none of any, read-write"));
}

#[test]
fn sockets() {
    let socket = "/cloudsql/project:region:instance";
    for text in [
        format!("postgresql://app:pw@/d?host={socket}"),
        "postgresql://app:pw@%2Fcloudsql%2Fproject%3Aregion%3Ainstance/d".to_owned(),
        format!("postgresql://app:pw@localhost/d?host={socket}"),
        format!("host={socket} user=app password=pw dbname=d"),
    ] {
        let address = parse(&text);
        assert_eq!(hosts(&address), [format!("{socket}/.s.PGSQL.5432")], "{text}");
        assert_eq!((address.user().as_str(), password(&address)), ("app", Some("pw")));
        let options = address.connect_options(&address.hosts[0]);
        assert_eq!((options.get_host(), options.get_database()), (socket, Some("d")));
        assert!(matches!(options.get_ssl_mode(), PgSslMode::Disable));
    }
    let mixed = parse("host=/socket,db.example.org user=app sslmode=require");
    let modes = mixed.hosts.iter().map(|host| mixed.connect_options(host).get_ssl_mode());
    assert!(matches!(modes.collect::<Vec<_>>()[..], [PgSslMode::Disable, PgSslMode::Require]));
    assert!(error("host=@abstract").contains("abstract"));
}

#[test]
fn key_value_pairs() {
    let address = parse("host = db.example.org\n user='o\\'neill' password='two \\\\ words' dbname=a\\ b options=''");
    assert_eq!(hosts(&address), ["db.example.org:5432"]);
    assert_eq!((address.user().as_str(), password(&address)), ("o'neill", Some("two \\ words")));
    assert_eq!((address.database().as_str(), address.options), ("a b", None));
    assert_eq!(password(&parse("password=a=b$c@d:e/f#g%41 user=u")), Some("a=b$c@d:e/f#g%41"));
    assert_eq!(parse("user=a user=b").user(), "b");
    for (text, part) in [
        ("user=a password=two words", "in single quotes"),
        ("user=a password=two words=3", "in single quotes"),
        ("user=a password='open", "a single quote is not closed"),
        ("user", "neither a URL"),
        ("", "neither a URL"),
        ("mysql://a@b/c", "does not begin with postgres://"),
        ("user=a =b", "a parameter whose name is not a word"),
    ] {
        let message = error(text);
        assert!(message.contains(part), "{text}: {message}");
        assert!(!message.contains("words=") && !message.contains(" words "), "{message}");
    }
}

/// Passwords that are not escaped, where only one reading makes sense.
#[test]
fn unescaped_passwords() {
    for secret in [
        "p@ss", "p@ss:w", "pa/ss", "pa?ss", "pa#ss", "pa%ss", "100%", "a&b=c", "a+b", "pa$$word", "p:a:s", "p/a@b/c",
        "@", "/", "a?b=c@d", "12/3", "12?3", "%zz%", "é/ü", "[::1]", "a,b", "x@7/y", "?", "#", "a b",
    ] {
        let address = parse(&format!("postgres://app:{secret}@db.example.org:5433/directory?sslmode=disable"));
        assert_eq!(password(&address), Some(secret));
        assert_eq!(
            (hosts(&address), address.database().as_str()),
            (vec!["db.example.org:5433".to_owned()], "directory")
        );
    }
    assert_eq!(password(&parse("postgres://app:p%40ss%2F%25@h/d")), Some("p@ss/%"));
    assert_eq!(parse("postgres://app@corp:pw@h/d").user(), "app@corp");
    assert_eq!(parse("postgres://u:p@h/d?application_name=me@here").application_name, "me@here");
    assert_eq!(parse("postgres:///d?user=me@corp&password=a@b").user(), "me@corp");
    for text in [
        // A database name with an @, or a password with @ and / ?
        "postgres://app:secret@h/my@db",
        // A port and a database name, or a password with / ?
        "postgres://app:12/secret@h",
        // A misspelt parameter, or a password with ? ?
        "postgres://app:pw@h/d?secret=x@y",
    ] {
        let message = error(text);
        assert!(message.contains("unclear where the password ends") && message.contains("%40"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
    for (text, part) in [
        ("postgres://app:secret%4x%41@h/d", "the password has a % that is not followed"),
        ("postgres://app:secret%ff@h/d", "the password is not UTF-8"),
        ("postgres://app:secret%00@h/d", "the password has a zero byte"),
        ("postgres://app:secret/x", "the port of host number 1"),
        ("postgres://app:pw@h1,h2:secret/d", "the port of host number 2"),
        ("postgres://app:pw@h:1:2/d", "several colons"),
        ("postgres://app:pw@[::1/d", "a [ without ]"),
        ("postgres://app:pw@[::1]x/d", "text behind ]"),
        ("postgres://app:pw@sec ret/d", "host number 1 is not the name"),
        ("postgres://app:pw@h/a/b", "the database name has a /"),
        ("postgres://app:pw@h/d?sslmode", "a parameter behind ? has no ="),
        ("postgres://app:pw@h/d%", "the database name has a %"),
    ] {
        let message = error(text);
        assert!(message.contains(part), "{text}: {message}");
        assert!(!message.contains("secret") && !message.contains("ret/d"), "{message}");
    }
}

#[test]
fn unsupported_parameters() {
    let url = |query: &str| format!("postgres://app@h/d?{query}");
    for query in [
        "channel_binding=prefer",
        "channel_binding=disable",
        "gssencmode=disable",
        "gssencmode=prefer",
        "sslnegotiation=postgres",
        "pgbouncer=false",
        "client_encoding=utf8",
        "load_balance_hosts=disable",
    ] {
        assert_eq!(parse(&url(query)), parse(&url("")), "{query}");
    }
    for (query, part) in [
        (
            "channel_binding=require",
            "channel_binding=require is not supported: channel binding is not supported; remove it",
        ),
        ("pgbouncer=true", "docs/deployment.md"),
        ("schema=public", "options=-csearch_path=NAME"),
        ("connection_limit=5", "DATABASE_MAX_CONNECTIONS"),
        ("sslnegotiation=direct", "sslnegotiation=direct is not supported"),
        ("gssencmode=require", "use TLS"),
        ("ssl-mode=require", "write it as sslmode"),
        (
            "options%5Bgeqo%5D=off",
            "the parameter options[geqo] is not supported; remove it (supported are host, hostaddr, port",
        ),
        ("sslmod=require", "the parameter sslmod is not supported"),
    ] {
        assert!(error(&url(query)).contains(part), "{query}: {}", error(&url(query)));
    }
    assert_eq!(parse(&url("ssl=true")), parse(&url("sslmode=require")));
    assert!(error("user=a keepalives_idle=5").contains("the parameter keepalives_idle is not supported"));
    assert!(error(&url("connect_timeout=0")).contains("connect_timeout is not a positive number of seconds"));
    assert!(error(&url("connect_timeout=soon")).contains("connect_timeout"));
}

#[test]
fn tls_modes() {
    let tls = |parameters: &str| parse(&format!("host=db.example.org user=a {parameters}")).tls;
    let file = PathBuf::from("/ca.pem");
    let client = ClientCertificate { certificate: "/c.pem".into(), key: "/k.pem".into() };
    assert_eq!(tls(""), Tls::Prefer(None));
    assert_eq!(tls("sslmode=disable sslrootcert=/ca.pem"), Tls::Disable);
    assert_eq!(tls("sslmode=require"), Tls::Require(None));
    assert_eq!(tls("sslmode=require sslrootcert=/ca.pem"), Tls::VerifyAuthority(file.clone(), None));
    assert_eq!(
        tls("sslmode=verify-ca sslrootcert=/ca.pem sslcert=/c.pem sslkey=/k.pem"),
        Tls::VerifyAuthority(file.clone(), Some(client))
    );
    assert_eq!(tls("sslmode=verify-full sslrootcert=/ca.pem"), Tls::VerifyName(RootCertificates::File(file), None));
    for text in ["sslmode=verify-full", "sslrootcert=system", "sslmode=verify-full sslrootcert=system"] {
        assert_eq!(tls(text), Tls::VerifyName(RootCertificates::System, None));
    }
    for (parameters, part) in [
        ("sslmode=allow", "does not support allow; use prefer"),
        ("sslmode=on", "sslmode is none of disable, prefer, require, verify-ca and verify-full"),
        ("sslrootcert=/ca.pem", "verifies nothing; use sslmode=verify-full"),
        ("sslmode=verify-ca", "sslrootcert=FILE"),
        ("sslmode=require sslrootcert=system", "use sslmode=verify-full"),
        ("sslmode=verify-ca sslrootcert=system", "use sslmode=verify-full"),
        ("sslmode=verify-full hostaddr=10.0.0.1", "cannot verify the name"),
        ("sslcert=/c.pem", "needs the private key"),
        ("sslkey=/k.pem", "needs the certificate"),
    ] {
        let message = error(&format!("host=db.example.org user=a {parameters}"));
        assert!(message.contains(part), "{parameters}: {message}");
    }
    assert!(matches!(parse("hostaddr=10.0.0.1 user=a sslmode=verify-full").tls, Tls::VerifyName(..)));
    assert_eq!(parse("host=/socket user=a sslmode=verify-full sslcert=/c.pem").tls, Tls::Disable);
    let address = parse("host=h user=a");
    let plain = address.options_without_tls(&address.hosts[0]).expect("a second attempt");
    assert!(matches!(plain.get_ssl_mode(), PgSslMode::Disable));
    let address = parse("host=h user=a sslmode=require");
    assert!(address.options_without_tls(&address.hosts[0]).is_none());
}

#[test]
fn variables_fill_the_gaps() {
    let defaults = PgDefaults::from_values([
        ("PGHOST", "env-host"),
        ("PGHOSTADDR", ""),
        ("PGPORT", "6000"),
        ("PGUSER", "env-user"),
        ("PGPASSWORD", "env-password"),
        ("PGDATABASE", "env-database"),
        ("PGSSLMODE", "require"),
        ("PGAPPNAME", "env-app"),
        ("PGOPTIONS", "-c geqo=off"),
        ("PGCONNECT_TIMEOUT", "9"),
        ("PGTARGETSESSIONATTRS", "primary"),
    ]);
    let address = DatabaseAddress::parse("postgres://", &defaults).expect("an address");
    let spelt_out = "postgres://env-user:env-password@env-host:6000/env-database?sslmode=require&application_name=env-app&\
                     options=-c%20geqo=off&connect_timeout=9&target_session_attrs=primary";
    assert_eq!(address, parse(spelt_out));
    let other = "postgres://u:p@h:1/d?sslmode=disable&application_name=a&options=-c%20jit=off&connect_timeout=1&\
                 target_session_attrs=any";
    assert_eq!(DatabaseAddress::parse(other, &defaults).expect("an address"), parse(other));
    let wrong = |name: &'static str, value| {
        let defaults = PgDefaults::from_values([(name, value)]);
        DatabaseAddress::parse("postgres://h", &defaults).expect_err("an error").to_string()
    };
    assert!(wrong("PGSSLMODE", "on").starts_with("PGSSLMODE is none of"));
    assert!(wrong("PGCONNECT_TIMEOUT", "0").starts_with("PGCONNECT_TIMEOUT is not"));
    assert!(wrong("PGSSLCERT", " ").starts_with("PGSSLCERT is empty"));
    assert!(wrong("PGUSER", "").contains("PGUSER is empty"));
    assert!(!format!("{defaults:?}").contains("env-password"));
}

#[test]
fn driver_options() {
    let address = parse("postgres://u:p@h:1/d?options=endpoint%3Dep-1%20-c%20a=b&application_name=me");
    let options = address.connect_options(&address.hosts[0]);
    assert_eq!((options.get_host(), options.get_port()), ("h", 1));
    assert_eq!((options.get_username(), options.get_database()), ("u", Some("d")));
    assert_eq!((options.get_options(), options.get_application_name()), (Some("endpoint=ep-1 -c a=b"), Some("me")));
    assert_eq!(address.with_database("x").connect_options(&address.hosts[0]).get_database(), Some("x"));
    let address = parse("host=name hostaddr=10.0.0.1 user=u");
    assert_eq!(address.connect_options(&address.hosts[0]).get_host(), "10.0.0.1");
}

#[test]
fn passwords_of_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("passwords");
    std::fs::write(&path, "h:5432:d:u:for h\nlocalhost:5432:d:u:for the socket\n10.0.0.1:*:*:*:for the address\n")
        .expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    let found = |address: &str| {
        let address = parse(&format!("{address} passfile={}", path.display()));
        address.password_in_file(&address.hosts[0], &address.user(), &address.database())
    };
    assert_eq!(found("host=h user=u dbname=d").as_deref(), Some("for h"));
    assert_eq!(found("host=h hostaddr=10.0.0.1 user=u dbname=d").as_deref(), Some("for h"));
    assert_eq!(found("hostaddr=10.0.0.1 user=u dbname=d").as_deref(), Some("for the address"));
    assert_eq!(found("host=/tmp user=u dbname=d").as_deref(), Some("for the socket"));
    assert_eq!(found("host=/other user=u dbname=d"), None);
    let defaults = PgDefaults::from_values([("PGPASSFILE", path.to_str().expect("UTF-8"))]);
    let address = DatabaseAddress::parse("host=h user=u dbname=d", &defaults).expect("an address");
    assert_eq!(address.password_in_file(&address.hosts[0], "u", "d").as_deref(), Some("for h"));
}

/// Escapes each byte that is not a letter or digit.
fn escape(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A text without control characters, as people choose them.
fn any_word() -> impl Strategy<Value = String> {
    "\\PC{1,12}".prop_filter("blank values count as unset", |text| !text.trim().is_empty())
}

proptest! {
    /// Both forms say the same, whatever the user, password and database are called.
    #[test]
    fn forms_are_equivalent(user in any_word(), secret in any_word(), database in any_word(), port in 1..=u16::MAX) {
        let url = format!("postgres://{}:{}@h:{port}/{}", escape(&user), escape(&secret), escape(&database));
        let by_query = format!(
            "postgres://h:{port}?user={}&password={}&dbname={}", escape(&user), escape(&secret), escape(&database)
        );
        let pairs = format!("host=h port={port} user={} password={} dbname={}", quote(&user), quote(&secret), quote(&database));
        let address = parse(&pairs);
        prop_assert_eq!(password(&address), Some(secret.as_str()));
        prop_assert_eq!((address.user(), address.database()), (user, database));
        prop_assert_eq!(&parse(&url), &address);
        prop_assert_eq!(&parse(&by_query), &address);
    }

    /// An unescaped password is taken as it is, or rejected, but never cut or changed; and no error has it.
    #[test]
    fn unescaped_passwords_are_never_cut(secret in "[a-z0-9@:/#?&=+$.,!-]{8,20}") {
        let text = format!("postgres://app:{secret}@db.example.org:5432/directory");
        match DatabaseAddress::parse(&text, &PgDefaults::default()) {
            Ok(address) => {
                prop_assert_eq!(password(&address), Some(secret.as_str()));
                prop_assert_eq!(hosts(&address), ["db.example.org:5432"]);
                let shown = format!("{address:?}");
                prop_assert!(!shown.contains(&secret), "{}", shown);
            }
            Err(error) => prop_assert!(!error.to_string().contains(&secret), "{}", error),
        }
    }

    /// Any text gives an address or an error.
    #[test]
    fn any_text(text in "\\PC*", scheme in prop::sample::select(vec!["", "postgres://", "postgresql://", "host="])) {
        let address = DatabaseAddress::parse(&format!("{scheme}{text}"), &PgDefaults::default());
        if let Ok(address) = address {
            prop_assert!(!address.hosts.is_empty());
            for host in &address.hosts {
                let _ = address.connect_options(host);
            }
        }
    }

    /// Texts made of the characters that have a meaning.
    #[test]
    fn any_punctuation(text in "[a2@:/?#%&=,\\[\\]' \\\\]{0,24}") {
        let _ = DatabaseAddress::parse(&format!("postgres://{text}"), &PgDefaults::default());
        let _ = DatabaseAddress::parse(&format!("host={text}"), &PgDefaults::default());
    }
}
