/* Warns before the session ends, and lets its person stay. The server keeps the time; each question to it is asked
   without counting as activity, so that what is done in another tab closes the dialog here. */
"use strict";

{
  const dialog = document.getElementById("session-dialog");
  const { status, signIn } = dialog.dataset;
  const warning = Number(dialog.dataset.warning);
  const extend = document.getElementById("session-extend");
  const left = document.getElementById("session-left");
  let ends = 0; // by this computer's clock, in milliseconds
  let timer = 0;

  /* What the server says: `seconds` left; `final`, the moment of the end if nothing can put it off, else 0. */
  function plan({ seconds, final }) {
    ends = Date.now() + seconds * 1000;
    const told = final && sessionStorage.getItem("session-told") === String(final);
    if (seconds > warning || told) {
      dialog.close();
      wait(seconds > warning ? seconds - warning : seconds);
    } else {
      warn(seconds, final);
      wait(Math.min(15, seconds / 3));
    }
  }

  function wait(seconds) {
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(1, seconds) * 1000);
  }

  function warn(seconds, final) {
    const minutes = Math.ceil(seconds / 60);
    const words = seconds < 60 ? "less than a minute" : `${minutes} minute${minutes === 1 ? "" : "s"}`;
    if (left.textContent !== words) left.textContent = words; // read out when it changes, not each second
    for (const part of dialog.querySelectorAll("[data-if]")) part.hidden = (part.dataset.if === "final") !== Boolean(final);
    dialog.dataset.final = final;
    if (!dialog.open) dialog.showModal();
  }

  async function look() {
    const answer = await ask(status);
    const told = answer?.ok && (await answer.json());
    if (!told) wait(30); // the portal is out of reach for now
    else if (told.signed_in) plan(told);
    else await leave();
  }

  async function stay() {
    dialog.close();
    sessionStorage.setItem("session-told", dialog.dataset.final);
    const answer = await ask(extend.action, extend);
    if (answer?.ok) plan(await answer.json());
    else await look();
  }

  /* To the sign-in page; what was typed goes ahead, to be kept. */
  async function leave() {
    for (const form of document.querySelectorAll("main form[method=post]")) {
      const secret = form.querySelector("[type=password]");
      if (!secret && ("sent" in dialog.dataset || changed(form))) await ask(form.action, form, { "X-Only-Keep": "1" });
    }
    location.assign(signIn);
  }

  function changed(form) {
    return [...form.querySelectorAll("input:not([type=hidden]), textarea, select")].some((field) => {
      if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected);
      if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
      return field.value !== field.defaultValue;
    });
  }

  /* The answer, or nothing where the network fails; with a form, its text is posted. */
  async function ask(url, form, headers = {}) {
    const text = form && [...new FormData(form)].filter(([, value]) => typeof value === "string");
    const post = form ? { method: "POST", body: new URLSearchParams(text), headers } : {};
    return fetch(url, { redirect: "manual", cache: "no-store", ...post }).catch(() => null);
  }

  function lookIfDue() {
    if (!document.hidden && Date.now() >= ends - warning * 1000) look();
  }

  extend.addEventListener("submit", (event) => {
    event.preventDefault();
    stay();
  });
  dialog.addEventListener("cancel", stay); // Escape: somebody is there
  document.addEventListener("visibilitychange", lookIfDue); // a computer that wakes up has not counted
  addEventListener("pageshow", (event) => {
    if (event.persisted) look();
  });
  plan({ seconds: Number(dialog.dataset.seconds), final: Number(dialog.dataset.final) });
}
