/*
 * The host's side of the iframe bridge.
 *
 * Loaded after vendor/xdm-host.js (simple-xdm: the wire).  These files add the host
 * modules that an app's client script finds behind `AP`, and a guard in front of the
 * wire.  A page holds, for each module of an app,
 *
 *   <div class="hw-module" data-app-key=".." data-module-key=".." data-context="{..}"></div>
 *
 * and <meta name="hw-csrf">; optional are <meta name="hw-account">,
 * <meta name="hw-account-name">, <meta name="hw-locale"> and, on the div, data-title,
 * data-product and data-page; a button.hw-opens opens a dialog.  What an app may call
 * is the table below, and nothing else.
 */

import { command, listener, question } from "./calls.js";
import { dialogCalls, hideInlineOf, watchForItems } from "./dialogs.js";
import { watchForMacros } from "./editor.js";
import { contextToken, decodedAnchor, mountWhenOpen, nestedContext } from "./frames.js";
import { stand } from "./guard.js";
import { clearMessage, flag, messages, onCloseOfMessage } from "./notices.js";
import * as pages from "./pages.js";
import * as products from "./products.js";
import { request } from "./request.js";

const xdm = window.host.min;

function emit(frame, name, ...args) {
  if (typeof name === "string") xdm.dispatch(name, { addon_key: frame.appKey }, args);
}

function emitPublic(frame, name, ...args) {
  if (typeof name !== "string") return;
  const sender = { addonKey: frame.appKey, key: frame.moduleKey, options: {} };
  xdm.dispatch(name, {}, { sender, event: args });
}

function each(wrap, handlers) {
  return Object.fromEntries(Object.entries(handlers).map(([name, one]) => [name, wrap(one)]));
}

const reload = command(() => location.reload());
const { anchor, cookies } = pages;

const API = {
  _globals: { request: question(request) },
  confluence: {
    ...each(command, {
      saveMacro: products.saveMacro,
      closeMacroEditor: products.closeMacroEditor,
    }),
    ...each(question, {
      getMacroData: products.getMacroData,
      getMacroBody: products.getMacroBody,
      getContentProperty: products.getContentProperty,
      setContentProperty: products.setContentProperty,
      syncPropertyFromServer: products.syncPropertyFromServer,
    }),
  },
  context: each(question, { getToken: contextToken, getContext: nestedContext }),
  cookie: {
    ...each(command, { save: cookies.save, erase: cookies.erase }),
    read: question(cookies.read),
  },
  dialog: {
    create: dialogCalls.create,
    getButton: dialogCalls.getButton,
    ...each(command, dialogCalls.commands),
    ...each(question, dialogCalls.questions),
  },
  env: {
    getLocation: question(() => location.href),
    ...each(command, {
      hideFooter: pages.hideFooter,
      resize: pages.resize,
      sizeToParent: pages.sizeToParent,
    }),
  },
  events: each(command, { emit, emitPublic }),
  flag,
  history: {
    getState: question(pages.historyState),
    ...each(command, {
      back: (frame) => pages.step(frame, -1),
      forward: (frame) => pages.step(frame, 1),
      go: pages.step,
      pushState: (frame, state) => anchor.write(frame, state, "pushState"),
      replaceState: (frame, state) => anchor.write(frame, state, "replaceState"),
    }),
  },
  host: { focus: command(pages.focusPage), getSelectedText: question(() => "") },
  inlineDialog: { hide: command(hideInlineOf) },
  jira: {
    refreshIssuePage: reload,
    _workflowConfigured: command(products.workflowConfigured),
    setDashboardItemTitle: command(products.setDashboardItemTitle),
    openCreateIssueDialog: listener(products.openCreateIssueDialog),
    ...each(question, {
      getWorkflowConfiguration: products.workflowConfiguration,
      isDashboardItemEditable: products.isDashboardItemEditable,
      isNativeApp: () => false,
    }),
  },
  messages: {
    ...messages,
    clear: command(clearMessage),
    onClose: listener(onCloseOfMessage),
  },
  navigator: { getLocation: question(pages.pageLocation), go: command(pages.go), reload },
  page: { setTitle: command(pages.setTitle) },
  scrollPosition: {
    getPosition: question(pages.scrolled),
    setVerticalPosition: command(pages.scrollTo),
  },
  theming: { initializeTheming: command(products.initializeTheming) },
  user: each(question, {
    getCurrentUser: pages.currentUser,
    getLocale: pages.userLocale,
    getTimeZone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    getUser: pages.namedUser,
  }),
};

stand(xdm._xdm, API);
const { _globals, ...modules } = API;
xdm.defineGlobals(_globals);
for (const [name, module] of Object.entries(modules)) xdm.defineModule(name, module);
anchor.last = decodedAnchor();
window.addEventListener("popstate", anchor.moved);
window.addEventListener("resize", pages.refill);
watchForItems();
watchForMacros();
products.watchForItemsToEdit();
products.watchForConfigurations();
document.querySelectorAll(".hw-module").forEach(mountWhenOpen);
