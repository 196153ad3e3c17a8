// Passkeys: shows the forms that need this script, asks the browser, fills in what it said, and sends the form as any other.
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), it => it.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const utf8 = text => new TextEncoder().encode(text);

async function make(form) {
  const { challenge, site, account, known } = form.dataset;
  const made = await navigator.credentials.create({ publicKey: {
    challenge: bytes(challenge),
    rp: { id: site, name: 'Amanat' },
    user: { id: utf8(account), name: account, displayName: account },
    pubKeyCredParams: [-7, -8, -257].map(alg => ({ type: 'public-key', alg })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'preferred' },
    excludeCredentials: (known ? known.split(' ') : []).map(id => ({ type: 'public-key', id: bytes(id) })),
    attestation: 'none',
  } });
  const said = made.response;
  form.elements.client.value = text(said.clientDataJSON);
  form.elements.authenticator.value = text(said.getAuthenticatorData());
  form.elements.key.value = text(said.getPublicKey());
}

async function use(form) {
  const { challenge, site } = form.dataset;
  const used = await navigator.credentials.get({ publicKey: {
    challenge: bytes(challenge), rpId: site, userVerification: 'preferred',
  } });
  const said = used.response;
  form.elements.credential.value = text(used.rawId);
  form.elements.client.value = text(said.clientDataJSON);
  form.elements.authenticator.value = text(said.authenticatorData);
  form.elements.signature.value = text(said.signature);
  form.elements.user.value = said.userHandle ? text(said.userHandle) : '';
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const failed = form.querySelector('[role=alert]');
    form.hidden = false;
    form.addEventListener('submit', async event => {
      event.preventDefault();
      failed.hidden = true;
      try {
        await (form.dataset.passkey === 'make' ? make(form) : use(form));
        form.submit();
      } catch {
        failed.hidden = false;
      }
    });
  }
}
