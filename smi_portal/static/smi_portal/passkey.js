// Shows the passkey button where the browser can use it, and says so when a passkey was not given.
(function () {
  const button = document.getElementById('passkey-button')
  const error = document.getElementById('passkey-error')
  const words = {
    InvalidStateError: 'This device or key is one of your passkeys already.',
    NotAllowedError: 'No passkey was given, or it took too long. Try again.'
  }
  button.hidden = !window.PublicKeyCredential
  button.addEventListener('click', function () { error.hidden = true })
  document.addEventListener('allauth.error', function (event) {
    event.preventDefault()
    error.textContent = words[event.detail.exception.name] || 'The passkey could not be used. Try again, or sign in another way.'
    error.hidden = false
  })
})()
