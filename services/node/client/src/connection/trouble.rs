//! Explains why a gateway was not reached, and what to do.

use std::sync::{Mutex, PoisonError};

use rustls::{AlertDescription, CertificateError, Error};

use super::{TRANSPORT, Transport};
use crate::output::in_language;

/// What was observed on this process's connections.
static NOTES: Mutex<ConnectionNotes> = Mutex::new(ConnectionNotes {
    is_connected: false,
    tls: None,
});

struct ConnectionNotes {
    is_connected: bool,
    tls: Option<Error>,
}

/// Notes that a TCP connection was accepted.
pub fn connected() {
    NOTES.lock().unwrap_or_else(PoisonError::into_inner).is_connected = true;
}

/// Notes the error of a connection; the first TLS error is kept.
pub fn note(error: &std::io::Error) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    if let Some(inner) = inner {
        let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
        notes.tls.get_or_insert_with(|| inner.clone());
    }
}

/// The explanation of the first TLS error, if there was one.
pub fn tls_trouble() -> Option<String> {
    let notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    let (transport, error) = (TRANSPORT.get()?, notes.tls.as_ref()?);
    let (zh, en) = explain_tls(error, transport);
    Some(format!("{}: {}", transport.base(), in_language(&zh, &en)))
}

/// The explanation for an unreachable gateway.
pub fn unreachable() -> String {
    if let Some(trouble) = tls_trouble() {
        return trouble;
    }
    let base = TRANSPORT.get().map_or("http://127.0.0.1:8080", Transport::base);
    let is_connected = NOTES.lock().unwrap_or_else(PoisonError::into_inner).is_connected;
    let (zh, en) = if is_connected && base.starts_with("http://") {
        (
            "连接后没有得到应答。请重试；若该端口使用 TLS，请写 https:// 并给出 --certificate、--key",
            "the connection ended without an answer. Try again; if that port takes TLS, write https:// and give --certificate and --key",
        )
    } else {
        (
            "没有应答。请用 `lutong serve --dev` 启动，或用 --endpoint（LUTONG_ENDPOINT）指明网关地址",
            "nobody answers. Start one with `lutong serve --dev`, or say where it is with --endpoint (LUTONG_ENDPOINT)",
        )
    };
    format!("{base}: {}", in_language(zh, en))
}

fn explain_tls(error: &Error, transport: &Transport) -> (String, String) {
    match error {
        Error::AlertReceived(alert) => refused(*alert, transport),
        Error::InvalidCertificate(wrong) => distrusted(wrong, transport),
        Error::InvalidMessage(_) => (
            "该端口不使用 TLS：请写 http://，或改用人员端口".to_owned(),
            "that port speaks no TLS: write http://, or name the port for staff and feeds".to_owned(),
        ),
        other => (format!("TLS 失败：{other}"), format!("TLS failed: {other}")),
    }
}

/// The gateway refused this command's certificate.
fn refused(alert: AlertDescription, transport: &Transport) -> (String, String) {
    let file = transport.certificate.as_ref();
    let file = file.map_or_else(String::new, |file| file.display().to_string());
    match alert {
        AlertDescription::CertificateExpired => (
            format!("网关认为证书 {file} 已过期或尚未生效：请换发，并检查两端时钟"),
            format!(
                "the gateway says that the certificate {file} has expired or does not hold yet: have it issued anew, and check both clocks"
            ),
        ),
        AlertDescription::CertificateRequired => (
            "该端口须出示账号证书：请给出 --certificate 与 --key".to_owned(),
            "that port needs an account's certificate: give --certificate and --key".to_owned(),
        ),
        AlertDescription::AccessDenied => (
            format!("证书 {file} 未写明账号：请换用账号证书"),
            format!("the certificate {file} names no account: use one of an account"),
        ),
        AlertDescription::UnknownCA
        | AlertDescription::DecryptError
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => (
            format!("网关不接受证书 {file}，它不是由网关的人员签发机构签发的：请换用该机构签发的账号证书"),
            format!(
                "the gateway does not take the certificate {file}, which is not of its operators' authority: use one that this authority issued"
            ),
        ),
        other => (
            format!("网关结束了 TLS 连接（{other:?}）：请检查地址和证书"),
            format!(
                "the gateway ended the TLS connection ({other:?}): check the address and the certificate"
            ),
        ),
    }
}

/// This command does not trust the gateway's certificate.
fn distrusted(wrong: &CertificateError, transport: &Transport) -> (String, String) {
    use CertificateError as Wrong;
    match wrong {
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => (
            "网关证书不是为该主机名签发的：请用证书所写的主机名".to_owned(),
            "the gateway's certificate is for another host name: use a name that is in it".to_owned(),
        ),
        Wrong::Expired | Wrong::ExpiredContext { .. } | Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => (
            "网关自己的证书已过期或尚未生效：请通知其管理员，并检查本机时钟".to_owned(),
            "the gateway's own certificate has expired or does not hold yet: tell its operator, and check this machine's clock".to_owned(),
        ),
        _ => match &transport.ca {
            Some(ca) => (
                format!("网关证书不是由 --ca {} 签发的：请换用其签发机构", ca.display()),
                format!("the gateway's certificate is not of the authority in --ca {}: name the one that issued it", ca.display()),
            ),
            None => (
                "本系统不信任网关证书的签发机构：请用 --ca（LUTONG_CA）指明".to_owned(),
                "this system does not trust the authority of the gateway's certificate: name it with --ca (LUTONG_CA)".to_owned(),
            ),
        },
    }
}
