// The one file that a page loads:
//   <script type="module" src="https://likeness.example/widget/likeness-avatar.js"></script>
//   <likeness-avatar grant-url="/likeness/session"></likeness-avatar>
import { LikenessAvatar } from "./element.js";

if (!customElements.get("likeness-avatar")) {
  customElements.define("likeness-avatar", LikenessAvatar);
}

export { LikenessAvatar };
