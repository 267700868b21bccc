//! Why a session is refused.

use lutong_kernel::{Fault, FaultCode};

/// Not made by this system, or not for this gateway.
pub fn session_invalid() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_INVALID",
        "登录凭证无效，请重新登录",
        "the session is not one of this system: sign in again",
    )
}

/// Its time is over.
pub fn session_expired() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_EXPIRED",
        "登录已过期，请重新登录",
        "the session has expired: sign in again",
    )
}

/// It ended before its time.
pub fn session_ended() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_ENDED",
        "已退出登录，或账号已变更、停用，请重新登录",
        "the session was signed out, or the account was changed or disabled: sign in again",
    )
}
