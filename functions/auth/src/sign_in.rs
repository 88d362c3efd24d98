//! A sign-in with name and password.
//!
//! Whatever is wrong, the same calls are made, so that neither the answer nor its time tells whether there is such a
//! user.

use futures_util::future::join;
use jiff::Timestamp;
use peregrine_core::audit::{AuditAction, AuditEvent};
use peregrine_core::lockout::Contender;
use peregrine_core::password::Verified;
use peregrine_core::scope::Scopes;
use peregrine_core::session::Session;
use peregrine_core::table::{Also, CodeKind, ConditionalWriteError, UserWithHash};
use peregrine_core::user::User;
use peregrine_core::validation::Rules;
use peregrine_http::client::Client;
use peregrine_http::error::ApiError;
use secrecy::SecretString;
use uuid::Uuid;

use crate::AuthState;
use crate::claimant::PasswordClaimant;
use crate::token::{Token, granted};

const INCORRECT: ApiError = ApiError::Unauthenticated("Incorrect username or password");
const INCORRECT_CODE: ApiError = ApiError::Unauthenticated("The code is wrong, or has been used");

impl AuthState {
    /// Begins a session for whoever has shown who they are.
    ///
    /// # Errors
    /// 401 if they have not, 429 after too many failures, 400 if they may do nothing of what they ask for.
    pub(crate) async fn sign_in(
        &self,
        claimant: PasswordClaimant,
        client: &Client,
        hardened: bool,
    ) -> Result<Token, ApiError> {
        let PasswordClaimant { grant, typed, user_id: id, signer, now } = claimant;
        // Only now that the request is within its limit and its address need not wait, so that neither can keep names
        // from their owners. Both are waited for: a call that is given up takes its connection with it, and a guesser
        // would have one opened for each guess.
        let (counted, found) = join(self.attempts.begin(&typed, now), self.users.find_with_hash(id)).await;
        counted?;
        // The account does not show it if the generated password has been replaced by itself.
        let is_generated = self.first_admin.is_configured(&grant.password);
        let verified = self.verify(&grant.username, found?, grant.password, (Rules { hardened }, client)).await?;
        let Some(user) = verified else { return Err(self.refuse(id, client, None, INCORRECT).await) };
        let (scopes, is_sufficient) = (&user.scopes, user.has_second_factor && !is_generated);
        let allowed = if hardened { user.where_hardened(scopes, is_sufficient) } else { scopes.clone() };
        match self.begin_session(&user, (allowed, &grant.scope, grant.otp), client, &typed, now).await {
            Ok(session) => Token::of(&session, &session.scopes, self, &signer, now),
            Err(error) => {
                // The password is right, so whatever else is wrong is no guess of it.
                // Rare, and so on the heap: the future of every sign-in would have to have room for it.
                let refusal = async {
                    if error.status().is_server_error() {
                        // Nobody has refused anything.
                        return error;
                    }
                    self.refuse(id, client, Some("right password"), error).await
                };
                let ((), answer) = Box::pin(join(self.attempts.forget(&typed, now), refusal)).await;
                Err(answer)
            }
        }
    }

    /// Begins a session of a user whose password was right, with the scopes and by the code that were sent.
    async fn begin_session(
        &self,
        user: &User,
        (allowed, asked, otp): (Scopes, &str, Option<SecretString>),
        client: &Client,
        typed: &Contender,
        now: Timestamp,
    ) -> Result<Session, ApiError> {
        let scopes = granted(allowed, asked)?;
        let code = code_of(user, otp)?;
        let began_by = (client.address, client.user_agent.as_deref());
        let session = Session::begin(user, scopes, user.has_second_factor, began_by, now, &self.random);
        let event =
            |action| AuditEvent::new(action, user.id, client.address, now, &self.random).about(session.id.to_string());
        let mut also = Also::nothing()
            .and(self.attempts.forgetting(typed, now))
            .and(self.audit.record(&event(AuditAction::SignedIn)));
        if let Some(code) = code {
            let (right, forgetting) = self.judge_code(user.id, &code, now).await?.ok_or(INCORRECT_CODE)?;
            also = also.and(self.second_factors.consumption(&right)).and(forgetting);
            if right.kind() == CodeKind::RecoveryCode {
                also = also.and(self.audit.record(&event(AuditAction::RecoveryCodeUsed)));
            }
        }
        match self.sessions.insert(&session, &also).await {
            Ok(()) => Ok(session),
            // Nothing but the code can have been used by another request meanwhile.
            Err(ConditionalWriteError::Outdated) => Err(INCORRECT_CODE),
            Err(ConditionalWriteError::Table(error)) => Err(error.into()),
        }
    }

    /// The user with this name and password, if they may sign in. An unknown name takes as long as a wrong password. A
    /// hash of other parameters than today's is renewed.
    async fn verify(
        &self,
        name: &str,
        mut found: Option<UserWithHash>,
        password: SecretString,
        (rules, client): (Rules, &Client),
    ) -> Result<Option<User>, ApiError> {
        if found.is_none()
            && let Some(admin) = self.first_admin.verify(name, &password)
        {
            let account = admin.account(self.clock.now(), &self.random);
            found = self.create_first_admin(name, account, password.clone(), client).await?;
        }
        let (user, hash) = found.map(|UserWithHash { user, password_hash }| (user, password_hash)).unzip();
        let verified = self.passwords.verify(password.clone(), hash.clone()).await?;
        let user = user.filter(|user| verified.is_right() && user.may_sign_in(rules));
        if let (Some(user), Some(old), Verified::RightButOutdated) = (&user, hash, verified) {
            let new = self.passwords.hash(password).await?;
            match self.users.replace_hash(user.id, &old, &new).await {
                // Somebody has just set another password, or another sign-in was faster with this one.
                Ok(()) | Err(ConditionalWriteError::Outdated) => {}
                Err(ConditionalWriteError::Table(error)) => return Err(error.into()),
            }
        }
        Ok(user)
    }

    /// Puts a refused sign-in on record, with what is to be said about it, counts it for its network address if it was
    /// a guess, and is the answer to it. A record that can't be written does not change the answer: it would tell whose
    /// account is in the way.
    async fn refuse(
        &self,
        id: Option<Uuid>,
        client: &Client,
        detail: Option<&'static str>,
        answer: ApiError,
    ) -> ApiError {
        let (address, now) = (Contender::Address(client.address), self.clock.now());
        let action = AuditAction::SignInRefused;
        let event = AuditEvent::new(action, id.unwrap_or_default(), client.address, now, &self.random).by(None);
        let event = AuditEvent { detail: detail.map(str::to_owned), ..event };
        // Not a code that is missing, or a scope: most clients ask for the code once they are told that it takes one.
        let is_guess = matches!(answer, ApiError::Unauthenticated(_));
        let (recorded, counted) = join(self.audit.insert(&event), async {
            if is_guess { self.attempts.failed(&address, now).await } else { Ok(()) }
        })
        .await;
        for error in [recorded.err(), counted.err()].into_iter().flatten() {
            tracing::error!(%error, "a refused sign-in could not be put on record or counted");
        }
        answer
    }
}

/// The code that a user's sign-in takes, if it takes one.
fn code_of(user: &User, sent: Option<SecretString>) -> Result<Option<SecretString>, ApiError> {
    match sent {
        _ if !user.has_second_factor => Ok(None),
        Some(code) => Ok(Some(code)),
        None => Err(ApiError::SecondFactorRequired),
    }
}
