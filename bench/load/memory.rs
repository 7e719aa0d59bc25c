//! Measures how much memory an endless series of different documents takes, valid and invalid ones.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{REQUEST_HEADERS, read_body};

const DOCUMENT_COUNT: usize = 100_000;
const CLIENT_COUNT: usize = 8;
const IDLE: Duration = Duration::from_secs(10);

/// Returns the document with a number.
type Documents = fn(usize) -> String;

async fn resident_megabytes(address: &str) -> Result<f64, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let (_, body) = read_body(&mut stream).await?;
    let metrics = String::from_utf8(body)?;
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("academic_directory_resident_memory_bytes "));
    let bytes: f64 = bytes.ok_or("the service has no metrics")?.trim().parse()?;
    Ok(bytes / f64::from(1 << 20))
}

async fn send_documents(address: Arc<str>, client: usize, document: Documents) -> io::Result<()> {
    let mut stream = TcpStream::connect(&*address).await?;
    for number in (client..DOCUMENT_COUNT).step_by(CLIENT_COUNT) {
        let body = format!("{{\"query\":\"{}\"}}", document(number));
        let request = format!("{REQUEST_HEADERS}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        read_body(&mut stream).await?;
    }
    Ok(())
}

pub async fn measure_memory(address: &str) -> Result<(), Box<dyn Error>> {
    let series: [(&str, Documents); 2] = [
        ("different valid documents of 20 bytes", |number| format!("{{a{number:05}:__typename}}")),
        ("different invalid documents of 9 bytes", |number| format!("{{b{number:06}}}")),
    ];
    for (what, document) in series {
        let before = resident_megabytes(address).await?;
        let mut clients = JoinSet::new();
        for client in 0..CLIENT_COUNT {
            clients.spawn(send_documents(address.into(), client, document));
        }
        while let Some(sent) = clients.join_next().await {
            sent??;
        }
        sleep(IDLE).await;
        let after = resident_megabytes(address).await?;
        println!(
            "{DOCUMENT_COUNT} {what}: from {before:.0} to {after:.0} MiB of resident memory, {:+.0} MiB",
            after - before
        );
    }
    Ok(())
}
