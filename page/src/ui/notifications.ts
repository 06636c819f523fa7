/** Whether this browser shows notifications of this page; on telephones it takes more than a page. */
export function hasNotifications(): boolean {
  return 'Notification' in globalThis && !/Android/.test(navigator.userAgent);
}

export function areAllowed(): boolean {
  return hasNotifications() && Notification.permission === 'granted';
}

/** To be called for a click: browsers refuse, and people dislike, questions that come by themselves. */
export async function askForPermission(): Promise<boolean> {
  return hasNotifications() && (await Notification.requestPermission()) === 'granted';
}

/** Shown by the browser on this machine. A newer one with the same tag takes its place. */
export function notify(title: string, body: string, tag: string, onClick: () => void): void {
  if (!areAllowed()) return;
  try {
    const notification = new Notification(title, { body, tag });
    notification.onclick = () => {
      notification.close();
      window.focus();
      onClick();
    };
  } catch {
    // Some browsers have the name and not the thing.
  }
}
