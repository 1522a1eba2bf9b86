/* Amana for web pages: consent, preferences and decisions of the visitor's own. One file, no dependency; docs/sdk.md.
     import { connect } from "https://my.example.com/web/v1/amana-sdk.js";
     const amana = connect({ server: "https://my.example.com" });
   It fails closed: whatever cannot be reached, read or proved is off, denied and No. It sets one first-party cookie, the
   visitor's signed choice, and only once they chose. It never learns or sends an address that the visitor did not type. */
export const SIGNALS = Object.freeze([
  "ad_storage", "analytics_storage", "ad_user_data", "ad_personalization",
  "functionality_storage", "personalization_storage", "security_storage",
]);
const DENIED = () => Object.fromEntries(SIGNALS.map((name) => [name, "denied"]));
const LIFE = 183 * 86400;

export function connect({ server, token = "", cookie = "amana_choices", patience = 4000, domain = "" } = {}) {
  const base = new URL(server).origin;
  const gpc = () => globalThis.navigator?.globalPrivacyControl === true;

  const call = async (path, body) => {
    const answer = await fetch(`${base}/web/v1/${path}`, {
      method: "POST",
      headers: { "content-type": "text/plain" }, // a simple request: the browser asks no leave first
      body: JSON.stringify(body),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      cache: "no-store",
      signal: AbortSignal.timeout(patience),
    });
    if (!answer.ok) throw new Error(`amana: ${answer.status}`);
    return answer.json();
  };

  const kept = () => {
    const found = document.cookie.split("; ").find((one) => one.startsWith(`${cookie}=`));
    return found ? found.slice(cookie.length + 1) : "";
  };
  const keep = (record) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const where = domain ? `; Domain=${domain}` : "";
    document.cookie = `${cookie}=${record}; Path=/; Max-Age=${record ? LIFE : 0}; SameSite=Lax${secure}${where}`;
  };
  const nothing = () => ({ categories: {}, signals: DENIED(), gpc: gpc(), record: "" });

  /* What the visitor chose earlier and what it means now; everything is off where nothing is known. */
  const current = async () => {
    const record = kept();
    if (!record && !token) return nothing();
    try {
      const now = await call("signals", { record, gpc: gpc(), token });
      if (record && !now.record) keep(""); // too old, or about other categories: ask again
      return now;
    } catch {
      return nothing();
    }
  };

  return Object.freeze({
    /* Take a banner's choice, {category: true}. What is left out is off. */
    async choose(categories) {
      try {
        const now = await call("choices", { categories, gpc: gpc(), token });
        keep(now.record);
        return now;
      } catch {
        keep(""); // an earlier choice must not outlive a later one that did not arrive
        return nothing();
      }
    },

    current,

    /* Whether the visitor must still be asked. */
    undecided: async () => !(await current()).record,

    /* Google's consent mode, version 2. With gtag it also says so: denied first, then what the choice means. */
    async consentMode(gtag) {
      gtag?.("consent", "default", { ...DENIED(), wait_for_update: patience });
      const { signals } = await current();
      const told = Object.fromEntries(SIGNALS.map((name) => [name, signals?.[name] === "granted" ? "granted" : "denied"]));
      gtag?.("consent", "update", told);
      return told;
    },

    /* Segment's context.consent: a category that is not on is false. */
    async segment() {
      const { categories } = await current();
      return { consent: { categoryPreferences: categories } };
    },

    /* Hand in a form: {capture_point, choices: [{purpose, channel}], email | phone, …}. Throws if it did not arrive. */
    capture: (form) => call("captures", { language: document.documentElement.lang || "en", ...form, gpc: gpc() }),

    /* How things stand for the holder of the token, after a change: {off, on, leave, refuse, object_to, allow, express}.
       Throws if it did not arrive: a No that was not recorded must be seen. */
    preferences: (change = {}) => call("preferences", { token, ...change }),

    /* May this be done about the holder of the token? Without a token, or without an answer, No. */
    async decide(action, properties = {}) {
      try {
        if (!token) throw new Error("no token");
        const answer = await call("decisions", { token, action: { name: action, properties } });
        return { ...answer, decision: answer.decision === true };
      } catch {
        return { decision: false, reasons: [{ code: "unreachable", sentence: "" }], valid_until: "" };
      }
    },
  });
}
