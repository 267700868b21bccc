//! What a browser does: it opens the sign-in page of a gateway, follows the link to the provider, somebody agrees there, and it follows the
//! redirection back.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::StandIns;
use crate::people::StandInPerson;

/// The head of an answer.
struct Answer(String);

impl Answer {
    /// Where the browser is sent on to.
    fn location(&self) -> io::Result<String> {
        let location = self.headers("location").next().map(str::to_owned);
        location.ok_or_else(|| io::Error::other(self.0.lines().next().unwrap_or_default().to_owned()))
    }

    /// The cookies that it sets, as the browser sends them back.
    fn cookies(&self) -> String {
        let cookies = self.headers("set-cookie");
        let pairs: Vec<_> = cookies.filter_map(|cookie| cookie.split(';').next()).collect();
        pairs.join("; ")
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().filter_map(move |line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

async fn get(base: &str, path: &str, cookies: &str) -> io::Result<Answer> {
    let host = base.strip_prefix("http://").ok_or(io::ErrorKind::InvalidInput)?;
    let mut connection = TcpStream::connect(host).await?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookies}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    Ok(Answer(String::from_utf8_lossy(&answer).into_owned()))
}

impl StandIns {
    /// Where the browser is sent after this person agreed at `url`; with nobody, after somebody declined.
    pub async fn agree(&self, url: &str, person: Option<&StandInPerson>) -> io::Result<String> {
        let url = url.split('#').next().unwrap_or_default();
        let path = url.strip_prefix(&self.base).ok_or(io::ErrorKind::InvalidInput)?;
        let who = person.map_or("nobody", |person| person.id);
        get(&self.base, &format!("{path}&as={who}"), "").await?.location()
    }

    /// Signs a person in over the pages of a gateway, which listens at the first URL and is known to the providers by the second; returns
    /// the session that the browser keeps as its last cookie.
    pub async fn sign_in(
        &self,
        (base, public_url): (&str, &str),
        channel: &str,
        person: &StandInPerson,
    ) -> io::Result<String> {
        let sent = get(base, &format!("/sign-in/{channel}?return_to=/docs"), "").await?;
        let back = self.agree(&sent.location()?, Some(person)).await?;
        let path = back.strip_prefix(public_url).ok_or(io::ErrorKind::InvalidData)?;
        let signed_in = get(base, path, &sent.cookies()).await?;
        signed_in.location()?;
        let cookies = signed_in.cookies();
        let session = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        let session = session.filter(|(_, value)| !value.is_empty()).last();
        let session = session.map(|(_, value)| value.to_owned());
        session.ok_or_else(|| io::Error::other("no session"))
    }
}
